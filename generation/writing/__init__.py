"""What thinks: the loop of calls, the text of a section, prompts, patience, retries. No Django, no network, no row;
time, sleep and the provider come in as arguments. Pure.
"""
