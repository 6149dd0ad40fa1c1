# Malformed models and what the tool must say to them.
