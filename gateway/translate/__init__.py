"""Translation between v2 and v3.1: pure, with holes for the facts it cannot know."""
