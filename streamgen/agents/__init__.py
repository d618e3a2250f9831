"""Documents as models of the OpenAI API and as tools of the Model Context Protocol, by the verbs and rules of people.
I/O but for `event_numbers`, `openai_errors`, `completions`, `response_objects`, `chat_requests`, `written_text` and
`openai_paths`.
"""
