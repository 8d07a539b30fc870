"""What doer and judge must agree on: what a query asks for, who serves a block, what is read."""
