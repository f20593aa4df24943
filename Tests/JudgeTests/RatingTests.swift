import Testing

@testable import Judge

/// What number is read from a judge's words, held against FastChat's two patterns.
@Suite struct RatingTests {
    @Test(arguments: [
        ("Good answer. Rating: [[8]]", 8.0),
        ("Rating: [[10]]", 10),
        ("Rating: [[7.5]]", 7.5),
        ("Rating: [[7.]]", 7),
        ("[[3]]", 3),
        ("First [[4]] then, on reflection, [[9]]", 4),
        ("Nested [[[6]]] brackets", 6),
        ("评分：[[9]] 。", 9),
        ("Très bien — note : [[8]] 🎉", 8),
        ("single brackets only: [5]", 5),
        ("an index a[0] before the rating [[2]]", 2),
        ("[8] before [[3]]: the double brackets win", 3),
        ("[[85]]", 85),
        ("[[0]]", 0),
        ("Rating: [[ 8 ]] but [6]", 6),
    ])
    func theNumberIsFastChats(judgment: String, rating: Double) {
        #expect(Rating(in: judgment)?.value == rating)
    }

    @Test(arguments: [
        "", " \n", "I would give this a 9 out of 10.", "Rating: 8/10", "[[rating]]", "Rating: [[ 8 ]]", "[[8", "8]]",
        "[[8.5.1]]", "[[-3]]", "[[٨]]", "[[８]]", "[[A>B]]", "[]", "[[]]", "[[.5]]", "[[1e1]]", "$ERROR$",
    ])
    func wordsWithoutARatingHaveNone(judgment: String) {
        #expect(Rating(in: judgment) == nil)
    }

    @Test func whatIsDoubtfulAboutARatingIsTold() throws {
        #expect(try #require(Rating(in: "[[4]] or [[9]]")).contested)
        #expect(try !#require(Rating(in: "[[4]], so [[4]]")).contested)
        #expect(try #require(Rating(in: "x[3]")).singleBrackets)
        #expect(try !#require(Rating(in: "[[3]]")).singleBrackets)
        #expect(try !#require(Rating(in: "[[0]]")).inRange)
        #expect(try !#require(Rating(in: "[[10.5]]")).inRange)
        #expect(try #require(Rating(in: "[[10]]")).inRange)
    }

    @Test func aLongJudgmentOfBracketsIsReadInTimeThatGrowsWithItsLength() {
        let text = String(repeating: "[[1", count: 20_000)
        let clock = ContinuousClock()
        let time = clock.measure { #expect(Rating(in: text) == nil) }
        #expect(time < .seconds(5))
    }
}
