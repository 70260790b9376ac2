"""The frameworks: each adapter alone in its folder, none knowing another."""
