"""What thinks: the loop of calls, the text of a section, prompts, patience, retries. Pure: no Django, no network,
no row; time, sleep and the provider come in as arguments.
"""
