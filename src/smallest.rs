//! The least part of a list that still does something: delta debugging after Zeller and Hildebrandt, "Simplifying and
//! isolating failure-inducing input" (2002), by taking away alone: halves, quarters, …, single elements, and single elements
//! again until none of them can go. With a yes-or-no test the result is 1-minimal. O(n²) tests at worst; where one element
//! of n matters, 2 log₂ n.

/// Looks for it. `still` says whether a part still does it; that the whole does is known. An error ends the search, and what
/// was found so far is returned with it.
pub(crate) fn smallest<T: Clone, E>(
    all: Vec<T>,
    mut still: impl FnMut(&[T]) -> Result<bool, E>,
) -> (Vec<T>, Option<E>) {
    let mut least = all;
    let mut size = least.len().div_ceil(2);
    while size > 0 && least.len() > 1 {
        let before = least.len();
        let mut at = 0;
        while at < least.len() && least.len() > 1 {
            let end = (at + size).min(least.len());
            let without: Vec<T> = [&least[..at], &least[end..]].concat();
            // Nothing at all is another question than a part.
            let can_go = !without.is_empty();
            match can_go.then(|| still(&without)) {
                Some(Ok(true)) => least = without,
                Some(Err(stop)) => return (least, Some(stop)),
                Some(Ok(false)) | None => at = end,
            }
        }
        size = match size {
            1 if least.len() < before => 1,
            1 => 0,
            _ => size.min(least.len()).div_ceil(2),
        };
    }
    (least, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least part of `0..n` that has all of `needed`, and in how many tests it was found.
    fn find(n: u32, needed: &[u32]) -> (Vec<u32>, u32) {
        let mut tests = 0;
        let (least, stop) = smallest((0..n).collect(), |part| {
            tests += 1;
            Ok::<_, ()>(needed.iter().all(|x| part.contains(x)))
        });
        assert_eq!(stop, None);
        (least, tests)
    }

    #[test]
    fn the_one_that_matters_is_found_wherever_it_is_in_few_tests() {
        for one in 0..20 {
            let (least, tests) = find(20, &[one]);
            assert_eq!(least, [one]);
            assert!(tests <= 10, "{one}: {tests}");
        }
        assert_eq!(find(1, &[0]), (vec![0], 0));
    }

    #[test]
    fn several_that_matter_together_are_all_kept() {
        assert_eq!(find(20, &[3, 4, 17]).0, [3, 4, 17]);
        assert_eq!(find(7, &[0, 6]).0, [0, 6]);
        assert_eq!(find(3, &[0, 1, 2]).0, [0, 1, 2]);
    }

    #[test]
    fn what_was_found_is_kept_when_time_is_up() {
        let mut left = 2;
        let (least, stop) = smallest((0..16).collect(), |part: &[u32]| {
            left -= 1;
            if left < 0 {
                return Err("time is up");
            }
            Ok(part.contains(&15))
        });
        assert_eq!(stop, Some("time is up"));
        assert_eq!(least, [12, 13, 14, 15]);
    }
}
