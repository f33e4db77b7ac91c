//! Searches for the reward program whose trained policy does the task best: prompt, proposer, evaluation, selection, reflection.
//!
//! Start in `search`.
