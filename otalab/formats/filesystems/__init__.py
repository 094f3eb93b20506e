"""SPIFFS and littlefs in a region of flash; `kinds` lists them and is the first to open."""
