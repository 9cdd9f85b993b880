"""Models measured beside real poems and chance, and what was found as tables, pictures, a page."""
