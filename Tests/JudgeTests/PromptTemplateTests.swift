import Testing

@testable import Judge

@Suite struct PromptTemplateTests {
    @Test func placesAreFilledAndDoubledBracesBecomeSingle() throws {
        let text = try PromptTemplate("{{x}} {question} and {question}: {answer}").filled(with: [
            "question": "Q", "answer": "A",
        ])
        #expect(text == "{x} Q and Q: A")
    }

    @Test func whatAValueHoldsStaysAsItIs() throws {
        let answer = "{answer} {{}} } { {question}\r\n\u{301}"
        let text = try PromptTemplate("e{answer}").filled(with: ["answer": answer, "question": "no"])
        #expect(Array(text.utf8) == Array(("e" + answer).utf8))
    }

    @Test(arguments: ["{unknown}", "{question", "question}", "{"])
    func aTemplateThatCannotBeFilledIsAnError(template: String) {
        #expect(throws: JudgeError.self) { try PromptTemplate(template).filled(with: ["question": "Q"]) }
    }
}
