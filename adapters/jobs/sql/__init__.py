"""Jobs in a database: SQLite in the data folder, or PostgreSQL. Imported only where one is opened."""
