PRAGMA application_id = 1400008289;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE clocks (
	rank BIGINT NOT NULL, 
	turn BIGINT NOT NULL, 
	PRIMARY KEY (rank)
);
INSERT INTO "clocks" VALUES(-1000,1);
INSERT INTO "clocks" VALUES(-9,2);
CREATE TABLE job_blobs (
	ref TEXT NOT NULL, 
	arrival INTEGER NOT NULL, 
	PRIMARY KEY (ref, arrival)
);
INSERT INTO "job_blobs" VALUES('done-picture',1);
INSERT INTO "job_blobs" VALUES('waits-input',5);
CREATE TABLE jobs (
	arrival INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	rank BIGINT NOT NULL, 
	turn BIGINT NOT NULL, 
	party TEXT NOT NULL, 
	owner TEXT, 
	client TEXT, 
	claim TEXT, 
	taken BIGINT, 
	ran INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	finished BIGINT, 
	due BIGINT, 
	size BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	request TEXT NOT NULL, 
	result TEXT, 
	PRIMARY KEY (arrival), 
	UNIQUE (id), 
	UNIQUE (claim)
);
INSERT INTO "jobs" VALUES(1,'done','succeeded',-1000,1,'client:',NULL,NULL,NULL,NULL,1,1767323045000000,1767323045000000,NULL,10,'{"id": "done", "created_at": "2026-01-02T03:04:05+00:00", "state": "succeeded", "owner": null, "client": null, "priority": 1000, "attempts": 1, "server_deaths": 0, "key": null, "digest": "", "detached": false, "stop_requested": false, "lease": null, "started_at": "2026-01-02T03:04:05+00:00", "finished_at": "2026-01-02T03:04:05+00:00", "error": null, "files": [], "delivery": null, "due_at": null}','{"request": {"kind": "txt2img", "prompt": "done", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": -1, "seed_resize_from_h": -1, "sampler_name": "Euler", "scheduler": null, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": null, "tiling": null, "eta": null, "denoising_strength": null, "s_min_uncond": null, "s_churn": null, "s_tmin": null, "s_tmax": null, "s_noise": null, "refiner_checkpoint": null, "refiner_switch_at": null, "disable_extra_networks": false, "hires": null, "init": null, "override_settings": {}, "script_name": null, "script_args": [], "alwayson_scripts": {}, "save_images": false, "extras": null, "interrogate": null, "deterministic": false}, "frozen": {"seed": 1, "subseed": 2, "model": {"name": "model", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}, "options": {}, "styles": [], "refiner": null, "hires_model": null}}','{"images": [{"blob": "done-picture", "format": "png", "width": 8, "height": 16, "seed": 3, "subseed": 4, "infotext": "a cat\nSteps: 2", "path": null, "size": 10}], "info": {"seed": 3, "all_seeds": [3], "clip_skip": 1.5, "nothing": null}, "receipt": {"run_id": "run-done", "job_id": "done", "backend": "none", "started_at": "2026-01-02T03:04:06+00:00", "finished_at": "2026-01-02T03:04:07.500000+00:00", "prepare": 0.25, "execute": 1.0, "finalize": 0.25, "outcome": "succeeded", "notes": ["a note"]}, "comments": ["slow"], "files": []}');
INSERT INTO "jobs" VALUES(2,'failed','failed',-9,1,'client:',NULL,NULL,NULL,NULL,1,1767323045000000,1767323045000000,NULL,0,'{"id": "failed", "created_at": "2026-01-02T03:04:05+00:00", "state": "failed", "owner": null, "client": null, "priority": 9, "attempts": 2, "server_deaths": 0, "key": null, "digest": "", "detached": false, "stop_requested": false, "lease": null, "started_at": "2026-01-02T03:04:05+00:00", "finished_at": "2026-01-02T03:04:05+00:00", "error": {"kind": "BackendError", "message": "no memory"}, "files": [], "delivery": null, "due_at": null}','{"request": {"kind": "txt2img", "prompt": "failed", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": -1, "seed_resize_from_h": -1, "sampler_name": "Euler", "scheduler": null, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": null, "tiling": null, "eta": null, "denoising_strength": null, "s_min_uncond": null, "s_churn": null, "s_tmin": null, "s_tmax": null, "s_noise": null, "refiner_checkpoint": null, "refiner_switch_at": null, "disable_extra_networks": false, "hires": null, "init": null, "override_settings": {}, "script_name": null, "script_args": [], "alwayson_scripts": {}, "save_images": false, "extras": null, "interrogate": null, "deterministic": false}, "frozen": {"seed": 1, "subseed": 2, "model": {"name": "model", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}, "options": {}, "styles": [], "refiner": null, "hires_model": null}}',NULL);
INSERT INTO "jobs" VALUES(3,'runs','running',-9,2,'client:',NULL,NULL,NULL,3,1,1767323045000000,NULL,NULL,0,'{"id": "runs", "created_at": "2026-01-02T03:04:05+00:00", "state": "running", "owner": null, "client": null, "priority": 9, "attempts": 1, "server_deaths": 0, "key": null, "digest": "", "detached": false, "stop_requested": false, "lease": {"token": "one", "worker": "worker", "until": "2026-01-02T03:04:35+00:00"}, "started_at": "2026-01-02T03:04:05+00:00", "finished_at": null, "error": null, "files": [], "delivery": null, "due_at": null}','{"request": {"kind": "txt2img", "prompt": "runs", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": -1, "seed_resize_from_h": -1, "sampler_name": "Euler", "scheduler": null, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": null, "tiling": null, "eta": null, "denoising_strength": null, "s_min_uncond": null, "s_churn": null, "s_tmin": null, "s_tmax": null, "s_noise": null, "refiner_checkpoint": null, "refiner_switch_at": null, "disable_extra_networks": false, "hires": null, "init": null, "override_settings": {}, "script_name": null, "script_args": [], "alwayson_scripts": {}, "save_images": false, "extras": null, "interrogate": null, "deterministic": false}, "frozen": {"seed": 1, "subseed": 2, "model": {"name": "model", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}, "options": {}, "styles": [], "refiner": null, "hires_model": null}}',NULL);
INSERT INTO "jobs" VALUES(4,'dropped','cancelled',0,1,'client:',NULL,NULL,NULL,NULL,0,1767323045000000,1767323045000000,NULL,0,'{"id": "dropped", "created_at": "2026-01-02T03:04:05+00:00", "state": "cancelled", "owner": null, "client": null, "priority": 0, "attempts": 0, "server_deaths": 0, "key": null, "digest": "", "detached": false, "stop_requested": false, "lease": null, "started_at": null, "finished_at": "2026-01-02T03:04:05+00:00", "error": null, "files": [], "delivery": null, "due_at": null}','{"request": {"kind": "txt2img", "prompt": "dropped", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": -1, "seed_resize_from_h": -1, "sampler_name": "Euler", "scheduler": null, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": null, "tiling": null, "eta": null, "denoising_strength": null, "s_min_uncond": null, "s_churn": null, "s_tmin": null, "s_tmax": null, "s_noise": null, "refiner_checkpoint": null, "refiner_switch_at": null, "disable_extra_networks": false, "hires": null, "init": null, "override_settings": {}, "script_name": null, "script_args": [], "alwayson_scripts": {}, "save_images": false, "extras": null, "interrogate": null, "deterministic": false}, "frozen": {"seed": 1, "subseed": 2, "model": {"name": "model", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}, "options": {}, "styles": [], "refiner": null, "hires_model": null}}',NULL);
INSERT INTO "jobs" VALUES(5,'waits','queued',3,1,'owner:ann','ann','tablet','["ann", "key of waits"]',NULL,0,1767323045000000,NULL,NULL,0,'{"id": "waits", "created_at": "2026-01-02T03:04:05+00:00", "state": "queued", "owner": "ann", "client": "tablet", "priority": -3, "attempts": 0, "server_deaths": 0, "key": "key of waits", "digest": "abc", "detached": true, "stop_requested": false, "lease": null, "started_at": null, "finished_at": null, "error": null, "files": [], "delivery": {"id": "delivery", "url": "http://127.0.0.1/hook", "attempts": 0}, "due_at": null}','{"request": {"kind": "img2img", "prompt": "ein K\u00e4fer\u0000 \ud83d\udc31", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": -1, "seed_resize_from_h": -1, "sampler_name": "Euler", "scheduler": null, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": null, "tiling": null, "eta": null, "denoising_strength": null, "s_min_uncond": null, "s_churn": null, "s_tmin": null, "s_tmax": null, "s_noise": null, "refiner_checkpoint": null, "refiner_switch_at": null, "disable_extra_networks": false, "hires": null, "init": {"images": ["waits-input"], "resize_mode": 0, "mask": null, "mask_blur_x": 4, "mask_blur_y": 4, "mask_round": true, "mask_invert": false, "masked_content": 0, "only_masked": true, "only_masked_padding": 0, "noise_multiplier": null, "image_cfg_scale": null}, "override_settings": {"CLIP_stop_at_last_layers": 2}, "script_name": null, "script_args": [], "alwayson_scripts": {}, "save_images": false, "extras": null, "interrogate": null, "deterministic": false}, "frozen": {"seed": 2147483648, "subseed": 5, "model": {"name": "model", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}, "options": {"a": [1, 2.5, null, true, "x"]}, "styles": [{"name": "one", "prompt": "two", "negative_prompt": "three"}], "refiner": {"name": "refiner", "sha256": "1111111111111111111111111111111111111111111111111111111111111111"}, "hires_model": null}}',NULL);
INSERT INTO "jobs" VALUES(6,'other','queued',0,1,'client:other',NULL,'other',NULL,NULL,0,1767323045000000,NULL,NULL,0,'{"id": "other", "created_at": "2026-01-02T03:04:05+00:00", "state": "queued", "owner": null, "client": "other", "priority": 0, "attempts": 0, "server_deaths": 0, "key": null, "digest": "", "detached": false, "stop_requested": false, "lease": null, "started_at": null, "finished_at": null, "error": null, "files": [], "delivery": null, "due_at": null}','{"request": {"kind": "txt2img", "prompt": "other", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_w": -1, "seed_resize_from_h": -1, "sampler_name": "Euler", "scheduler": null, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": null, "tiling": null, "eta": null, "denoising_strength": null, "s_min_uncond": null, "s_churn": null, "s_tmin": null, "s_tmax": null, "s_noise": null, "refiner_checkpoint": null, "refiner_switch_at": null, "disable_extra_networks": false, "hires": null, "init": null, "override_settings": {}, "script_name": null, "script_args": [], "alwayson_scripts": {}, "save_images": false, "extras": null, "interrogate": null, "deterministic": false}, "frozen": {"seed": 1, "subseed": 2, "model": {"name": "model", "sha256": "0000000000000000000000000000000000000000000000000000000000000000"}, "options": {}, "styles": [], "refiner": null, "hires_model": null}}',NULL);
CREATE TABLE tallies (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "tallies" VALUES('queued',2);
INSERT INTO "tallies" VALUES('running',1);
INSERT INTO "tallies" VALUES('taken',3);
INSERT INTO "tallies" VALUES('succeeded',1);
INSERT INTO "tallies" VALUES('failed',1);
INSERT INTO "tallies" VALUES('cancelled',1);
INSERT INTO "tallies" VALUES('owner:ann',1);
INSERT INTO "tallies" VALUES('client:other',1);
CREATE INDEX jobs_in_line ON jobs (rank, turn, arrival) WHERE state = 'queued';
CREATE INDEX jobs_of_party_in_line ON jobs (party, rank, turn) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (arrival) WHERE state = 'running';
CREATE INDEX jobs_ended ON jobs (finished, arrival, ran, size, due) WHERE finished IS NOT NULL;
CREATE INDEX jobs_owing ON jobs (due, arrival) WHERE due IS NOT NULL;
CREATE INDEX jobs_of_owner ON jobs (owner, arrival) WHERE owner IS NOT NULL;
CREATE INDEX jobs_of_client ON jobs (client, arrival) WHERE client IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (arrival) WHERE state = 'queued';
CREATE INDEX jobs_ended_by_state ON jobs (state, arrival) WHERE finished IS NOT NULL;
CREATE INDEX ix_job_blobs_arrival ON job_blobs (arrival);
COMMIT;
