"""The object store, and a component's access to it."""
