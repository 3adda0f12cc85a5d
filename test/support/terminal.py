"""Runs a program at a terminal of its own, types what it asks for, and prints what came of it as JSON.

Reads from standard input, as JSON: argv, cwd, env, stdin (text for its standard input, which is a pipe; null: all its
standard streams are the terminal), and steps, each with what to wait for on the terminal, and then what to type, which
signal to send, or that the terminal goes away; and before that, folders of which to note what is in them.
"""
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time

TIMEOUT_SECONDS = 50


def has_echo(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def files_in(folders):
    return [os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names]


def main():
    setting = json.load(sys.stdin)
    steps = setting["steps"]
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    is_whole = setting["stdin"] is None

    def become_session():
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(
        setting["argv"],
        cwd=setting["cwd"],
        env=setting["env"],
        stdin=terminal if is_whole else subprocess.PIPE,
        stdout=terminal if is_whole else subprocess.PIPE,
        stderr=terminal if is_whole else subprocess.PIPE,
        preexec_fn=become_session,
        pass_fds=(terminal,),
    )
    streams = {controller: b""}
    if not is_whole:
        child.stdin.write(setting["stdin"].encode())
        child.stdin.close()
        streams |= {child.stdout.fileno(): b"", child.stderr.fileno(): b""}
    open_streams = set(streams)
    seen = 0
    echoes = []
    listings = []
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        for ready in select.select(list(open_streams), [], [], 0.02)[0]:
            piece = os.read(ready, 65536)
            streams[ready] += piece
            if piece == b"":
                open_streams.discard(ready)
        shown = streams[controller].decode(errors="replace")
        if len(echoes) < len(steps) and steps[len(echoes)]["wait"] in shown[seen:]:
            step = steps[len(echoes)]
            seen += shown[seen:].index(step["wait"]) + len(step["wait"])
            echoes.append(has_echo(terminal))
            listings.append(files_in(step.get("list", [])))
            if "signal" in step:
                child.send_signal(getattr(signal, step["signal"]))
            elif "close" in step:
                open_streams.discard(controller)
                os.close(controller)
            else:
                os.write(controller, step["type"].encode())
        elif child.poll() is not None and open_streams <= {controller}:
            break
    else:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    json.dump(
        {
            "status": child.returncode,
            "terminal": streams[controller].decode(errors="replace"),
            "stdout": "" if is_whole else streams[child.stdout.fileno()].decode(errors="replace"),
            "stderr": "" if is_whole else streams[child.stderr.fileno()].decode(errors="replace"),
            "echoes": echoes,
            "listings": listings,
            "isRestored": controller in open_streams and has_echo(terminal),
        },
        sys.stdout,
    )


main()
