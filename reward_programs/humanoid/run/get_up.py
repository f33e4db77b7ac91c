# Teaches: progress along a ladder. Each height that is reached opens the next reward, and `min` ends the one before.
def compute_reward(head_height, pelvis_height, torso_up, pelvis_velocity):
    # Up to sitting (0.6 m) the head counts, up to kneeling (0.5 m) the pelvis, from there on both and the balance.
    sit = min(head_height, 0.6) / 0.6
    kneel = min(pelvis_height, 0.5) / 0.5 if head_height >= 0.6 else 0.0
    stand = 0.0
    if 0.5 <= pelvis_height <= 1.2:
        upright = max(torso_up[2], 0.0)
        stand = upright * min(head_height, 1.5) / 1.5
    sway = 0.1 * (abs(pelvis_velocity[0]) + abs(pelvis_velocity[1]))
    total = sit + kneel + 2.0 * stand - sway
    return total, {"sit": sit, "kneel": kneel, "stand": 2.0 * stand, "sway": -sway}
