"""`make soak`: the full acceptance runs, each under forty minutes. `make test` holds their small form."""
