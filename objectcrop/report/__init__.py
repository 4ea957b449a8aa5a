"""Paper-versus-measured tables, plots and the HTML page."""
