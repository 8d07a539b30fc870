"""Those that change the bucket and those that read it: each a process, and the passes they make."""
