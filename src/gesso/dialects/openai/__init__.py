"""The dialect of OpenAI Images."""
