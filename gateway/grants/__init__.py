"""The life of an OAuth grant, decided by pure functions of state and time."""
