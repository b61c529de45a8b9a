"""A process that measures: commands go in and answers come out, a line of JSON each."""

import json
import subprocess


class MeasuringError(Exception):
    """The process ended, or refused a command. Its message is for the user."""


class MeasuringProcess:
    """Starts `command`; `ask` sends one command and waits for its answer."""

    def __init__(self, command, environment):
        self._name = command[-2] if len(command) > 1 else command[0]
        self._process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, what, **arguments):
        try:
            self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise MeasuringError(
                f"{self._name} ended (exit code {self._process.wait()}) "
                f"while it was asked to {what}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise MeasuringError(f"{self._name}: {answer['error']}")
        return answer

    def close(self):
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.wait()
        self._process.stdout.close()
