"""Reports: what the program says about questions that people ask, made anew by one command."""
