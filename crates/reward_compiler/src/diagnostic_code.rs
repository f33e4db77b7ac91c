//! The codes of all findings.
//!
//! A code is stable: prompts, records and people refer to it. Each says what is wrong, why it matters and how to repair it.

use carrot_reward_interface::Severity;

/// What kind of finding a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The text is not Python: `x = = 1`. Nothing else can be checked until it is.
    SyntaxError,
    /// More than 32 KiB of text. Rewards are short; shorten comments and remove what is not used.
    SourceTooLong,
    /// Brackets nest deeper than 200 or blocks deeper than 100. Give inner expressions a name.
    NestingTooDeep,
    /// More than 2,000 operators in one expression. Split it into several statements.
    ChainTooLong,
    /// A name that neither the program, the task nor the library knows: `torso_hieght`. Use the suggested name.
    UnknownName,
    /// A value or module has no such attribute: `torch.nrom(x)`, `x.shpae`. Use the suggested name.
    UnknownAttribute,
    /// Python that has no meaning in a reward, or whose meaning could not be kept: classes, files, f-strings.
    Unsupported,
    /// Shapes that do not go together: `f32[N, 3] - f32[N, 4]`, or an index beyond the end.
    ShapeMismatch,
    /// A value of the wrong type: `torch.exp("a")`, `if` on a whole batch.
    TypeMismatch,
    /// A call whose arguments do not fit the function's parameters.
    WrongArguments,
    /// `while`, or a loop over something without a fixed length. Use `for i in range(3)` or array operations.
    UnboundedLoop,
    /// A function that calls itself. Write a loop with a fixed number of rounds.
    Recursion,
    /// Warning: a name that is set on some paths only and then read; the program stops where it is not. Set it before the
    /// `if`.
    MaybeUnbound,
    /// An import of anything but the numeric libraries.
    Import,
    /// Random numbers: the same state must always give the same reward.
    Randomness,
    /// No function that could be the reward. Define `compute_reward` or `compute_dense_reward`.
    NoEntry,
    /// A reward term or total that is not one number per environment.
    TermShape,
    /// A `return` that is not `total` or `total, {"name": term}`.
    ReturnShape,
    /// The unrolled program has more than 50,000 operations, or an array more than 4,096 numbers.
    ProgramTooLarge,
    /// Warning: a reduction over all environments (`x.mean()` without `dim`), so one robot's reward depends on the others.
    BatchLeak,
    /// Warning: the text is a chat reply; the program was taken from its code block.
    ReplyText,
    /// Warning: an exponential of something that can grow without bound: `torch.exp(distance)`.
    UnboundedExp,
    /// Warning: a term that does not enter the total.
    DeadTerm,
    /// Warning: a term, or the total, that is the same for every input.
    ConstantTerm,
    /// Warning: a part of the total whose whole range is lost beside another part.
    DominatedTerm,
    /// Warning: metres added to radians.
    UnitMismatch,
    /// Warning: a vector in one frame minus a vector in another.
    FrameMismatch,
    /// Warning: a quaternion read in the wrong component order.
    QuaternionOrder,
    /// Warning: a division by zero, or a NaN, for values within the declared ranges.
    NonFinite,
    /// Note: the reward jumps when a condition flips.
    Discontinuity,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 30] = [
        Self::SyntaxError,
        Self::SourceTooLong,
        Self::NestingTooDeep,
        Self::ChainTooLong,
        Self::UnknownName,
        Self::UnknownAttribute,
        Self::Unsupported,
        Self::ShapeMismatch,
        Self::TypeMismatch,
        Self::WrongArguments,
        Self::UnboundedLoop,
        Self::Recursion,
        Self::MaybeUnbound,
        Self::Import,
        Self::Randomness,
        Self::NoEntry,
        Self::TermShape,
        Self::ReturnShape,
        Self::ProgramTooLarge,
        Self::BatchLeak,
        Self::ReplyText,
        Self::UnboundedExp,
        Self::DeadTerm,
        Self::ConstantTerm,
        Self::DominatedTerm,
        Self::UnitMismatch,
        Self::FrameMismatch,
        Self::QuaternionOrder,
        Self::NonFinite,
        Self::Discontinuity,
    ];

    /// The code with this text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// The code whose text is most like `text`, for a person who mistyped it.
    pub fn nearest(text: &str) -> Option<Self> {
        let nearest = crate::check::nearest(text, Self::ALL.iter().map(|code| code.as_str()))?;
        Self::from_text(&nearest)
    }

    /// The stable text of the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SyntaxError => "syntax-error",
            Self::SourceTooLong => "source-too-long",
            Self::NestingTooDeep => "nesting-too-deep",
            Self::ChainTooLong => "chain-too-long",
            Self::UnknownName => "unknown-name",
            Self::UnknownAttribute => "unknown-attribute",
            Self::Unsupported => "unsupported",
            Self::ShapeMismatch => "shape-mismatch",
            Self::TypeMismatch => "type-mismatch",
            Self::WrongArguments => "wrong-arguments",
            Self::UnboundedLoop => "unbounded-loop",
            Self::Recursion => "recursion",
            Self::MaybeUnbound => "maybe-unbound",
            Self::Import => "import",
            Self::Randomness => "randomness",
            Self::NoEntry => "no-entry",
            Self::TermShape => "term-shape",
            Self::ReturnShape => "return-shape",
            Self::ProgramTooLarge => "program-too-large",
            Self::BatchLeak => "batch-leak",
            Self::ReplyText => "reply-text",
            Self::UnboundedExp => "unbounded-exp",
            Self::DeadTerm => "dead-term",
            Self::ConstantTerm => "constant-term",
            Self::DominatedTerm => "dominated-term",
            Self::UnitMismatch => "unit-mismatch",
            Self::FrameMismatch => "frame-mismatch",
            Self::QuaternionOrder => "quaternion-order",
            Self::NonFinite => "non-finite",
            Self::Discontinuity => "discontinuity",
        }
    }

    /// Whether a program with this finding is refused.
    pub fn severity(self) -> Severity {
        match self {
            Self::BatchLeak
            | Self::MaybeUnbound
            | Self::ReplyText
            | Self::UnboundedExp
            | Self::DeadTerm
            | Self::ConstantTerm
            | Self::DominatedTerm
            | Self::UnitMismatch
            | Self::FrameMismatch
            | Self::QuaternionOrder
            | Self::NonFinite => Severity::Warning,
            Self::Discontinuity => Severity::Note,
            _ => Severity::Error,
        }
    }
}
