"""What everything stands on: units, names of objects, random streams, arrivals, laws, kernel."""
