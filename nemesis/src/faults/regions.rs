//! How far regions of the world are from each other, as round trips.
//!
//! `cloud` has what is typically seen between the data centres of a large provider, rounded to five milliseconds; real
//! figures move by a tenth from month to month. `fibre` is what physics allows and cables do: the great circle, half as
//! long again because cables follow coasts and rights of way (Bozkurt et al., *Why Is the Internet So Slow?!*, PAM 2017),
//! at two thirds of the speed of light.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the distances come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// As between real data centres.
    #[default]
    Cloud,
    /// From the speed of light in fibre.
    Fibre,
}

/// A region's name, its latitude and longitude in degrees, and round trips in milliseconds to those before it.
struct Region(&'static str, f64, f64, &'static [u64]);

const REGIONS: [Region; 10] = [
    Region("us-east", 38.9, -77.5, &[]),
    Region("us-west", 45.6, -121.2, &[65]),
    Region("eu-west", 53.3, -6.3, &[70, 125]),
    Region("eu-central", 50.1, 8.7, &[90, 145, 25]),
    Region("sa-east", -23.5, -46.6, &[115, 175, 180, 205]),
    Region("ap-south", 19.1, 72.9, &[190, 220, 125, 125, 300]),
    Region("ap-southeast", 1.3, 103.8, &[220, 165, 175, 160, 325, 60]),
    Region(
        "ap-northeast",
        35.7,
        139.7,
        &[150, 100, 205, 225, 260, 130, 70],
    ),
    Region(
        "ap-sydney",
        -33.9,
        151.2,
        &[200, 140, 255, 250, 310, 150, 95, 105],
    ),
    Region(
        "africa-south",
        -33.9,
        18.4,
        &[225, 275, 160, 155, 340, 280, 300, 360, 410],
    ),
];

/// The names of all regions.
pub(super) fn names() -> Vec<&'static str> {
    REGIONS.iter().map(|region| region.0).collect()
}

/// How long a round trip takes between two regions; `None` if one of them is not known.
pub(super) fn round_trip(preset: Preset, a: &str, b: &str) -> Option<Duration> {
    let place = |name: &str| REGIONS.iter().position(|region| region.0 == name);
    let (a, b) = (place(a)?, place(b)?);
    if a == b {
        return Some(Duration::ZERO);
    }
    Some(match preset {
        Preset::Cloud => Duration::from_millis(REGIONS[a.max(b)].3[a.min(b)]),
        Preset::Fibre => {
            let seconds = 2.0 * 1.5 * kilometres(&REGIONS[a], &REGIONS[b]) / 200_000.0;
            Duration::from_millis((seconds * 1e3).round() as u64)
        }
    })
}

/// Along the great circle, by the haversine formula.
fn kilometres(a: &Region, b: &Region) -> f64 {
    let (south, north) = (a.1.to_radians(), b.1.to_radians());
    let (up, across) = (north - south, (b.2 - a.2).to_radians());
    let h = (up / 2.0).sin().powi(2) + south.cos() * north.cos() * (across / 2.0).sin().powi(2);
    2.0 * 6371.0 * h.sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_earth() {
        let (dublin, frankfurt) = (&REGIONS[2], &REGIONS[3]);
        assert!((kilometres(dublin, frankfurt) - 1085.0).abs() < 30.0);
        let (virginia, sydney) = (&REGIONS[0], &REGIONS[8]);
        assert!((kilometres(virginia, sydney) - 15_700.0).abs() < 200.0);
    }

    #[test]
    fn no_cloud_is_faster_than_light_and_none_is_absurdly_slow() {
        for (i, a) in REGIONS.iter().enumerate() {
            assert_eq!(a.3.len(), i, "{}", a.0);
            for b in &REGIONS[..i] {
                let cloud = round_trip(Preset::Cloud, a.0, b.0).unwrap();
                assert_eq!(round_trip(Preset::Cloud, b.0, a.0), Some(cloud));
                let light = Duration::from_secs_f64(2.0 * kilometres(a, b) / 200_000.0);
                assert!(cloud >= light, "{} to {}: {cloud:?} < {light:?}", a.0, b.0);
                // From one southern continent to another it goes by way of the north.
                assert!(
                    cloud < light * 6,
                    "{} to {}: {cloud:?}, {light:?}",
                    a.0,
                    b.0
                );
            }
        }
    }
}
