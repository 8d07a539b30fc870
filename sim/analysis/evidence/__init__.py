"""What shows that something was seen: witnesses, stories, tales, and what was tried at all."""
