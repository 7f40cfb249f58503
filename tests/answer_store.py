"""An `AnswerStore` in memory: answers of the same run are found again, as in a corpus without `--reuse`."""

from dataclasses import fields

from storage.answer_record import AnswerRecord, StoredAnswer


class MemoryStore:
    def __init__(self) -> None:
        self.answers: list[StoredAnswer] = []
        self.pictures: list[bytes | None] = []

    def find(self, key: str, run_id: int | None) -> StoredAnswer | None:
        return next((answer for answer in self.answers if (answer.key, answer.run_id) == (key, run_id)), None)

    def put(self, answer: AnswerRecord, picture: bytes | None) -> StoredAnswer:
        copied = {field.name: getattr(answer, field.name) for field in fields(AnswerRecord)}
        self.answers.append(StoredAnswer(id=len(self.answers) + 1, **copied))
        self.pictures.append(picture)
        return self.answers[-1]
