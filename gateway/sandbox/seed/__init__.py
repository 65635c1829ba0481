"""What the stand-in holds when it starts: the same on every start, for each business.

Ids are derived from the business and a running number, so they never change; the first three contacts of the
lead business are those of the migration guide's example. The second business has other ids for everything
it owns, and legacy ids that overlap with the first one's, as real businesses have.
"""
