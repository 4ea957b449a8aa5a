"""What to run: typed settings, runs, tables, code digest; imports nothing heavy, as Snakemake parses it often."""
