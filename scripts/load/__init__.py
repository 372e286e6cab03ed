"""Callers for load tests and benchmarks, cheap enough that one core drives hundreds of calls.

`voice`   what callers say: speech that is encoded once, before the run
`rtc`     a caller over WebRTC: sends finished Opus packets, counts what arrives without decoding it
`signal`  how an offer reaches a server
"""
