"""One trainer made of one process or several, and what it runs on."""
