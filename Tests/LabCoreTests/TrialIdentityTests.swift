import LabCore
import Testing

@Suite struct TrialIdentityTests {
    private static let loss = LossSource(name: "a", text: "def loss(): ...", origin: .discovered, beta: 0.05)
    private static let identity = ExperimentIdentity(
        engine: ["torch": "2.13.0", "code: train": "abc"], grounds: ["base": ["policy": "p", "training": "t"]],
        judges: ["base": ["kind": "rubric", "rubric": "r"]], screening: ["code: check": "c"])

    private static func spec(
        world: String = "base", fidelity: Fidelity = .full, rate: Double = 5e-4, beta: Double = 0.02, seed: Int = 1,
        pool: PairPool = .search, questions: QuestionSet = .search, pairs: Int = 64, epochs: Int = 1
    ) -> TrialSpec {
        TrialSpec(
            world: world, fidelity: fidelity, setting: Setting(learningRate: rate, beta: beta), seed: seed,
            pairPool: pool, questionSet: questions, pairCount: pairs, epochs: epochs)
    }

    @Test func equalIngredientsAreTheSameTrial() {
        let renamed = LossSource(name: "b", text: Self.loss.text, origin: .baseline, beta: 0.1)
        let key = Self.identity.key(of: Self.loss, Self.spec())
        #expect(Self.identity.key(of: renamed, Self.spec()) == key)
        #expect(Self.identity.key(of: Self.loss, Self.spec(fidelity: .proxy)) == key)
        #expect(key.hasPrefix("trial/"))
    }

    @Test func everyIngredientTellsTrialsApart() {
        let specs = [
            Self.spec(), Self.spec(rate: 1e-3), Self.spec(beta: 0.05), Self.spec(seed: 2),
            Self.spec(pool: .confirmation),
            Self.spec(questions: .heldOut), Self.spec(pairs: 65), Self.spec(epochs: 2), Self.spec(world: "other"),
        ]
        var keys = specs.map { Self.identity.key(of: Self.loss, $0) }
        let other = LossSource(name: "a", text: "def loss(): pass", origin: .discovered, beta: 0.05)
        keys.append(Self.identity.key(of: other, Self.spec()))
        let changes: [(inout ExperimentIdentity) -> Void] = [
            { $0.engine["torch"] = "2.14.0" }, { $0.engine["code: train"] = "abd" },
            { $0.engine["transformers"] = "5" }, { $0.grounds["base"]?["policy"] = "q" },
            { $0.grounds["base"]?["training"] = "u" }, { $0.judges["base"]?["rubric"] = "s" },
            { $0.judges["base"]?["kind"] = "mt_bench" }, { $0.judges["base"]?["model"] = "m" },
        ]
        for change in changes {
            var changed = Self.identity
            change(&changed)
            keys.append(changed.key(of: Self.loss, Self.spec()))
        }
        #expect(Set(keys).count == keys.count)
    }

    @Test func anotherGroundOrScreeningChangesNothing() {
        var changed = Self.identity
        changed.grounds["other"] = ["policy": "x"]
        changed.judges["other"] = ["rubric": "x"]
        changed.screening["code: check"] = "d"
        #expect(changed.key(of: Self.loss, Self.spec()) == Self.identity.key(of: Self.loss, Self.spec()))
        #expect(changed.screeningKey(of: "x") != Self.identity.screeningKey(of: "x"))
        #expect(Self.identity.screeningKey(of: "x") != Self.identity.screeningKey(of: "y"))
    }

    @Test func aSmokeTrialThatIsNotGradedIsAnother() {
        let judged = Self.identity.graded(by: ["kind": "mt_bench"])
        #expect(judged.key(of: Self.loss, Self.spec(fidelity: .smoke)) != judged.key(of: Self.loss, Self.spec()))
        #expect(
            Self.identity.key(of: Self.loss, Self.spec(fidelity: .smoke))
                == Self.identity.key(of: Self.loss, Self.spec()))
    }

    /// The end of one ingredient cannot pass for the beginning of the next.
    @Test func textsCannotRunIntoEachOther() {
        let one = TrialIdentity(["a": "1\nb 1 2", "b": "3"])
        let two = TrialIdentity(["a": "1", "b": "2\nb 1 3"])
        #expect(one.key("trial") != two.key("trial"))
    }
}
