"""The example pictures: `kinds` is their vocabulary, `products` and `references` the data."""
