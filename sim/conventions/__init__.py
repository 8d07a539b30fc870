"""What doer and judge must agree on: what a query asks for, and which replica is read."""
