"""Where agents and chat clients are: documents as models of the OpenAI API, and as tools of the Model Context Protocol;
the verbs of `generation.control` and the gate of `artifacts.access` hold for them as for people.
I/O but for `event_numbers`, `openai_errors`, `completions`, `response_objects`, `chat_requests` and `written_text`.
"""
