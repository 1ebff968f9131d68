"""A page in the browser to try products, references and dials on: `remixlab playground`."""
