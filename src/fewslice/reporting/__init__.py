"""For people: reports, inspection, figures."""
