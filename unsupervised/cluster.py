"""From features of the target to pseudo-labels.

As in the second stage of Luo, Chen et al., "An Empirical Study of Vehicle Re-Identification on the
AI City Challenge", CVPR Workshops 2021, arXiv:2105.09701: the cameras' bias is taken away, gallery
images move towards their tracklet's mean, and DBSCAN runs on 0.9 Jaccard + 0.1 cosine. What differs
from their program: the whitening is centred, blended features get length 1 again, the features are
those of image and mirror image (theirs: image and a random crop of the mirror image), and no matrix
of all pairs is made.
"""

import numpy as np

from vreid.clusters import attach, choose_identities, dense_clusters, number, within_groups
from vreid.constraints import Rules, forbidden_cameras
from vreid.data.sample import UNKNOWN
from vreid.debias import subtract_camera_means, whiten_cameras
from vreid.errors import DataError
from vreid.features import Features, FloatArray, IntArray
from vreid.options import AdaptOptions
from vreid.rerank.near_pairs import near_pairs
from vreid.rerank.reciprocal import k_reciprocal
from vreid.tracks.groups import group_tracks
from vreid.tracks.pooling import blend, pool_mean


def pseudo_labels(query: Features, gallery: Features, options: AdaptOptions) -> IntArray:
    """Label the images of the target.

    Returns:
        (Q + G,) int64, queries first: 0..C-1, `UNKNOWN` for images that are left out.

    Raises:
        DataError: When fewer than two vehicles are found, or cameras are needed and unknown.
    """
    feats = without_cameras(query, gallery, options)
    find = {"dbscan": _by_density, "mining": _by_mining}[options.method]
    labels = find(feats, query, gallery, options)
    found = int(labels.max(initial=UNKNOWN)) + 1
    if found < 2:
        hint = (
            f"a larger adapt.eps than {options.eps} or a smaller adapt.min_samples than"
            f" {options.min_samples} finds more"
            if options.method == "dbscan"
            else f"a larger adapt.near than {options.near} attaches more images"
        )
        raise DataError(
            f"{found} vehicles were found among {len(labels)} images, and two are needed to train;"
            f" {hint}"
        )
    return labels


def without_cameras(query: Features, gallery: Features, options: AdaptOptions) -> FloatArray:
    """(Q + G, D) features without what all images of a camera have in common."""
    feats = np.concatenate([query.feats, gallery.feats])
    camids = np.concatenate([query.camids, gallery.camids])
    if options.cameras == "none":
        return feats
    try:
        if options.cameras == "mean":
            return subtract_camera_means(feats, camids)
        return whiten_cameras(feats, camids, la=options.la)
    except DataError as error:
        raise DataError(f"{error}; or set adapt.cameras none") from None


def _by_density(
    feats: FloatArray, query: Features, gallery: Features, options: AdaptOptions
) -> IntArray:
    num_query = len(query)
    track_idx = group_tracks(gallery.trackids)
    blended = blend(feats[num_query:], track_idx, keep=options.keep)
    graph = near_pairs(
        np.concatenate([feats[:num_query], blended]),
        most=options.eps,
        k1=options.k1,
        k2=options.k2,
        share=options.jaccard,
    )
    if options.groups:
        cameras, idx = np.unique(
            np.concatenate([query.camids, gallery.camids]), return_inverse=True
        )
        table = forbidden_cameras(cameras, Rules(groups=options.groups))
        row_of = np.repeat(idx, np.diff(graph.indptr))
        graph = within_groups(graph, table[row_of, idx[graph.indices]])
    return dense_clusters(graph, eps=options.eps, min_samples=options.min_samples)


def _by_mining(
    feats: FloatArray, query: Features, gallery: Features, options: AdaptOptions
) -> IntArray:
    """Identities without any gallery image are left out, as are the queries not chosen."""
    num_query = len(query)
    chosen = choose_identities(feats[:num_query], apart=options.apart)
    track_idx = group_tracks(gallery.trackids)
    pooled = pool_mean(feats[num_query:], track_idx)
    # The constants are those of the program of 2020, which re-ranks tracklets.
    dist = k_reciprocal(feats[chosen], pooled, k1=7, k2=2, lambda_=0.6)
    attached = attach(dist, near=options.near)[track_idx]
    labels = np.full(len(feats), UNKNOWN, dtype=np.int64)
    labels[num_query:] = attached
    used = np.unique(attached[attached != UNKNOWN])
    labels[chosen[used]] = used
    return number(labels)
