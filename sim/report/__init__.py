"""What results look like: the document, tables, figures, and the folder that holds them all.

Reads results and judgements, never runs anything: whatever has to be simulated again is handed in
as a function.
"""
