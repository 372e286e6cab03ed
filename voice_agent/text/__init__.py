"""Text on its way to a voice and back: clauses to speak, words as they are said, words that were heard.

Pure functions and one small state machine. Nothing here knows of calls, engines or audio, reads a clock or waits.

    clauses    a stream of tokens -> clauses that a synthesizer can begin with
    normalise  one clause as written -> the same clause as a person would read it aloud
    words      counting, comparing and cutting words
"""
