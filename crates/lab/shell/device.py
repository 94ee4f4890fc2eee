"""The command line of a gateway or an access switch, in the manner of Cisco IOS. Keeps what it is told in a file beside this one,
and does wrong what the file `fault` beside it says: `refuse PATTERN`, `hang PATTERN`, `drop PATTERN` (takes the line, then hangs
up), each for lines that match, or `locked`."""

import json
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = os.path.join(HERE, "state.json")
# What a line sets, by its beginning; one that starts with `no ` clears it.
SETTINGS = ["description", "shutdown", "encapsulation dot1q", "vrf forwarding", "ip address", "ipv6 address",
            "switchport access vlan"]


def load():
    try:
        with open(STATE) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def keep(state):
    with open(STATE + ".new", "w") as file:
        json.dump(state, file, indent=1)
    os.replace(STATE + ".new", STATE)


def fault():
    try:
        with open(os.path.join(HERE, "fault")) as file:
            what, _, pattern = file.read().strip().partition(" ")
            return what, pattern
    except FileNotFoundError:
        return "", ""


def show(name):
    settings = load().get(name)
    if settings is None:
        return "% Invalid interface"
    lines = ["Building configuration...", "", "interface " + name]
    for setting in SETTINGS:
        if setting in settings:
            lines.append((" " + setting + " " + settings[setting]).rstrip())
    return "\n".join(lines + ["end", ""])


def configure(name, line):
    state = load()
    setting = next((setting for setting in SETTINGS if line.removeprefix("no ").startswith(setting)), None)
    if name is None or setting is None:
        return "% Invalid input detected at '^' marker."
    if line.startswith("no "):
        state[name].pop(setting, None)
    else:
        state[name][setting] = line[len(setting):].strip()
    keep(state)
    return ""


def main():
    host, config, name = os.environ.get("REHOME_SHELL", "gw-1"), False, None
    while True:
        mode = "(config-if)" if name else "(config)" if config else ""
        sys.stdout.write(f"{host}{mode}#")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        line, (what, pattern) = line.strip(), fault()
        hit = bool(pattern and re.search(pattern, line))
        if what == "hang" and hit:
            time.sleep(3600)
        answer = ""
        if what == "refuse" and hit:
            answer = "% Invalid input: not today"
        elif line.startswith("show running-config interface "):
            answer = show(line.rsplit(" ", 1)[1])
        elif line == "configure terminal":
            config = what != "locked"
            answer = "" if config else "% Configuration locked by admin"
        elif line in ("end", "exit"):
            config, name = False, None
        elif config and line.startswith("interface "):
            name = line.split(" ", 1)[1]
            keep({**load(), name: load().get(name, {})})
        elif config and line.startswith("no interface "):
            state = load()
            state.pop(line.split(" ", 2)[2], None)
            keep(state)
        elif config:
            answer = configure(name, line)
        elif not line.startswith(("terminal ", "write ")) and line:
            answer = "% Invalid input detected at '^' marker."
        if what == "drop" and hit:
            return
        if answer:
            print(answer)


main()
