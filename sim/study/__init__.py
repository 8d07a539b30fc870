"""Studies: what asks the model something and has judges answer it; the room where worlds start."""
