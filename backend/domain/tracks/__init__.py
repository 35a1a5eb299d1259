"""The track 轨迹 of a patrol: what the phone saw, judged by what can be seen. Pure: arrays in, a judgement out."""
