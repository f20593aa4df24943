/// What a loss must be: the text that writing and repairing steps are handed.
public enum Contract {
    public static let text = """
        import math

        import torch
        import torch.nn.functional as F
        from torch import Tensor


        def loss(
            policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens, about -10 to -500
            policy_rejected_logps: Tensor,  # (B,)
            reference_chosen_logps: Tensor,  # (B,) no gradient
            reference_rejected_logps: Tensor,  # (B,) no gradient
            beta: float,  # tuned for every loss alike
        ) -> Tensor:  # (B,) one loss value per pair
            ...

        - The usual building block is the margin rho = (policy_chosen_logps - policy_rejected_logps) - \
        (reference_chosen_logps - reference_rejected_logps).
        - It must be finite, with finite gradients, for any finite input, also where beta * rho is -20 or 20.
        - Its gradient must raise the chosen answer over the rejected one where the two are ordered badly.
        - beta should only scale log-probabilities; every other constant is a number in the code.
        - Only torch, torch.nn.functional and math; no files, no randomness, no state, no printing.
        """
}
