# Runs commands for the tests and reports what they used: one JSON request a line on stdin, one JSON
# answer a line on stdout. A process of its own, since Linux counts the memory of the process that
# starts a command into the command's peak: started from the test process itself every command would
# seem to use what Python uses.
import json
import os
import resource
import signal
import sys
import tempfile


def limit(address_space: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(request: dict) -> dict:
    """{command, cwd, address_space, seconds} -> {code (negative: signal), cpu_seconds, peak_bytes,
    stdout, stderr}."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os.chdir(request["cwd"])
                limit(request["address_space"], request["seconds"])
                signal.alarm(3 * request["seconds"])
                os.execv(request["command"][0], request["command"])
            finally:
                os._exit(127)
        _, status, usage = os.wait4(child, 0)
        text = []
        for file in (out, err):
            file.seek(0)
            text.append(file.read(65536).decode(errors="replace"))
    return {
        "code": os.waitstatus_to_exitcode(status),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "stdout": text[0],
        "stderr": text[1],
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
