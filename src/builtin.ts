import { createRegistry, type Registry } from './core/registry.ts';
import { air } from './data/baselines/air.ts';
import { blur } from './data/baselines/blur.ts';
import { contralateral } from './data/baselines/contralateral.ts';
import { counterfactual } from './data/baselines/counterfactual.ts';
import { datasetMean } from './data/baselines/dataset-mean.ts';
import { inpaint } from './data/baselines/inpaint.ts';
import { inpaintSmooth } from './data/baselines/inpaint-smooth.ts';
import { lung } from './data/baselines/lung.ts';
import { noise } from './data/baselines/noise.ts';
import { riseBlur } from './data/baselines/rise-blur.ts';
import { softTissue } from './data/baselines/soft-tissue.ts';
import { tissueMatched } from './data/baselines/tissue-matched.ts';
import { windowMean } from './data/baselines/window-mean.ts';
import { zeroInput } from './data/baselines/zero-input.ts';
import { covidCt } from './data/readers/covid-ct.ts';
import { covidCtMd } from './data/readers/covid-ct-md.ts';
import { covidxCt } from './data/readers/covidx-ct.ts';
import { dicom } from './data/readers/dicom.ts';
import { imageFolder } from './data/readers/image-folder.ts';
import { medmnist } from './data/readers/medmnist.ts';
import { metaimage } from './data/readers/metaimage.ts';
import { mosmed } from './data/readers/mosmed.ts';
import { nifti } from './data/readers/nifti.ts';
import { npy } from './data/readers/npy.ts';
import { pairs } from './data/readers/pairs.ts';
import { phantom } from './data/readers/phantom.ts';
import { sarsCov2Ct } from './data/readers/sars-cov-2-ct.ts';
import { stoic } from './data/readers/stoic.ts';
import { onnxWithTfjs } from './engines/tfjs/export/through-onnx.ts';
import { tfjsEngine } from './engines/tfjs/tfjs-engine.ts';
import { ablationCam } from './methods/ablation-cam.ts';
import { attentionRelevance } from './methods/attention-relevance.ts';
import { attentionRollout } from './methods/attention-rollout.ts';
import { blurIg } from './methods/blur-ig.ts';
import { centre } from './methods/centre.ts';
import { deconvnet } from './methods/deconvnet.ts';
import { deeplift } from './methods/deeplift.ts';
import { edges } from './methods/edges.ts';
import { eigenCam } from './methods/eigen-cam.ts';
import { expectedGradients } from './methods/expected-gradients.ts';
import { fullgrad } from './methods/fullgrad.ts';
import { gradCam } from './methods/grad-cam.ts';
import { gradCamPlusPlus } from './methods/grad-cam-plus-plus.ts';
import { guidedBackprop } from './methods/guided-backprop.ts';
import { guidedGradCam } from './methods/guided-grad-cam.ts';
import { guidedIg } from './methods/guided-ig.ts';
import { hiresCam } from './methods/hires-cam.ts';
import { hsic } from './methods/hsic.ts';
import { huContrast } from './methods/hu-contrast.ts';
import { inputXGradient } from './methods/input-x-gradient.ts';
import { integratedGradients } from './methods/integrated-gradients.ts';
import { kernelShap } from './methods/kernel-shap.ts';
import { layerCam } from './methods/layer-cam.ts';
import { lime } from './methods/lime.ts';
import { lrp } from './methods/lrp.ts';
import { occlusion } from './methods/occlusion.ts';
import { oracle } from './methods/oracle.ts';
import { oracleGrid } from './methods/oracle-grid.ts';
import { oracleMixed } from './methods/oracle-mixed.ts';
import { oracleOther } from './methods/oracle-other.ts';
import { partitionShap } from './methods/partition-shap.ts';
import { random } from './methods/random.ts';
import { reciproCam } from './methods/recipro-cam.ts';
import { rise } from './methods/rise.ts';
import { saliency } from './methods/saliency.ts';
import { scoreCam } from './methods/score-cam.ts';
import { segmentAblation } from './methods/segment-ablation.ts';
import { shapleySampling } from './methods/shapley-sampling.ts';
import { shuffled } from './methods/shuffled.ts';
import { smoothgrad } from './methods/smoothgrad.ts';
import { smoothgradSquared } from './methods/smoothgrad-squared.ts';
import { sobol } from './methods/sobol.ts';
import { vargrad } from './methods/vargrad.ts';
import { xgradCam } from './methods/xgrad-cam.ts';
import { xrai } from './methods/xrai.ts';
import { completeness } from './metrics/axiomatic/completeness.ts';
import { dummy } from './metrics/axiomatic/dummy.ts';
import { implementationInvariance } from './metrics/axiomatic/implementation-invariance.ts';
import { inputInvariance } from './metrics/axiomatic/input-invariance.ts';
import { nonSensitivity } from './metrics/axiomatic/non-sensitivity.ts';
import { compactness } from './metrics/complexity/compactness.ts';
import { effectiveComplexity } from './metrics/complexity/effective-complexity.ts';
import { entropy } from './metrics/complexity/entropy.ts';
import { meanLevel } from './metrics/complexity/mean-level.ts';
import { sparseness } from './metrics/complexity/sparseness.ts';
import { spread } from './metrics/complexity/spread.ts';
import { aopc } from './metrics/faithfulness/aopc.ts';
import { averageDrop } from './metrics/faithfulness/average-drop.ts';
import { averageGain } from './metrics/faithfulness/average-gain.ts';
import { confidenceIncrease } from './metrics/faithfulness/confidence-increase.ts';
import { deletion } from './metrics/faithfulness/deletion.ts';
import { fFidelity } from './metrics/faithfulness/f-fidelity.ts';
import { faithfulnessCorrelation } from './metrics/faithfulness/faithfulness-correlation.ts';
import { faithfulnessEstimate } from './metrics/faithfulness/faithfulness-estimate.ts';
import { infidelity } from './metrics/faithfulness/infidelity.ts';
import { insertion } from './metrics/faithfulness/insertion.ts';
import { irof } from './metrics/faithfulness/irof.ts';
import { monotonicity } from './metrics/faithfulness/monotonicity.ts';
import { monotonicityCorrelation } from './metrics/faithfulness/monotonicity-correlation.ts';
import { picAic } from './metrics/faithfulness/pic-aic.ts';
import { picSic } from './metrics/faithfulness/pic-sic.ts';
import { road } from './metrics/faithfulness/road.ts';
import { sensitivityN } from './metrics/faithfulness/sensitivity-n.ts';
import { srg } from './metrics/faithfulness/srg.ts';
import { sufficientShare } from './metrics/faithfulness/sufficient-share.ts';
import { auc } from './metrics/localisation/auc.ts';
import { auprc } from './metrics/localisation/auprc.ts';
import { dualPolarityPrecision } from './metrics/localisation/dual-polarity-precision.ts';
import { focus } from './metrics/localisation/focus.ts';
import { iouOtsu } from './metrics/localisation/iou-otsu.ts';
import { iouTuned } from './metrics/localisation/iou-tuned.ts';
import { lesionHit } from './metrics/localisation/lesion-hit.ts';
import { peakDistance } from './metrics/localisation/peak-distance.ts';
import { pointingGame } from './metrics/localisation/pointing-game.ts';
import { rankAccuracy } from './metrics/localisation/rank-accuracy.ts';
import { relevanceMass } from './metrics/localisation/relevance-mass.ts';
import { efficientMprt } from './metrics/randomisation/efficient-mprt.ts';
import { labelRandomisation } from './metrics/randomisation/label-randomisation.ts';
import { mprt } from './metrics/randomisation/mprt.ts';
import { randomLogit } from './metrics/randomisation/random-logit.ts';
import { smoothMprt } from './metrics/randomisation/smooth-mprt.ts';
import { recommended } from './metrics/recommended.ts';
import { acquisitionStability } from './metrics/robustness/acquisition-stability.ts';
import { avgSensitivity } from './metrics/robustness/avg-sensitivity.ts';
import { coherence } from './metrics/robustness/coherence.ts';
import { consistency } from './metrics/robustness/consistency.ts';
import { localLipschitz } from './metrics/robustness/local-lipschitz.ts';
import { maxSensitivity } from './metrics/robustness/max-sensitivity.ts';
import { relativeInputStability } from './metrics/robustness/relative-input-stability.ts';
import { relativeOutputStability } from './metrics/robustness/relative-output-stability.ts';
import { relativeRepresentationStability } from './metrics/robustness/relative-representation-stability.ts';
import { repeatability } from './metrics/robustness/repeatability.ts';
import { reproducibility } from './metrics/robustness/reproducibility.ts';
import { sufficiency } from './metrics/robustness/sufficiency.ts';
import { translationEquivariance } from './metrics/robustness/translation-equivariance.ts';
import { causalContrast } from './metrics/truth/causal-contrast.ts';
import { causalMass } from './metrics/truth/causal-mass.ts';
import { causalRank } from './metrics/truth/causal-rank.ts';

/** All that ships. A test compares it with the files on disk. */
export function builtinRegistry(): Registry {
  return createRegistry({
    explainers: [
      ...[saliency, inputXGradient, smoothgrad, smoothgradSquared, vargrad],
      ...[integratedGradients, expectedGradients, blurIg, guidedIg, xrai],
      ...[gradCam, gradCamPlusPlus, xgradCam, hiresCam, layerCam],
      ...[scoreCam, ablationCam, eigenCam, reciproCam],
      ...[occlusion, segmentAblation, rise, lime, kernelShap, shapleySampling, partitionShap, hsic, sobol],
      ...[guidedBackprop, deconvnet, guidedGradCam, deeplift, lrp],
      ...[fullgrad, attentionRelevance, attentionRollout],
      ...[random, edges, centre, shuffled, huContrast, oracle, oracleGrid, oracleMixed, oracleOther],
    ],
    metrics: [
      deletion,
      insertion,
      srg,
      maxSensitivity,
      avgSensitivity,
      consistency,
      mprt,
      pointingGame,
      relevanceMass,
      rankAccuracy,
      auc,
      auprc,
      iouOtsu,
      iouTuned,
      dualPolarityPrecision,
      peakDistance,
      lesionHit,
      focus,
      sparseness,
      entropy,
      effectiveComplexity,
      compactness,
      spread,
      meanLevel,
      aopc,
      irof,
      road,
      faithfulnessCorrelation,
      faithfulnessEstimate,
      sensitivityN,
      infidelity,
      monotonicity,
      monotonicityCorrelation,
      averageDrop,
      confidenceIncrease,
      averageGain,
      picSic,
      picAic,
      sufficientShare,
      fFidelity,
      localLipschitz,
      relativeInputStability,
      relativeOutputStability,
      relativeRepresentationStability,
      translationEquivariance,
      coherence,
      sufficiency,
      repeatability,
      acquisitionStability,
      reproducibility,
      smoothMprt,
      efficientMprt,
      randomLogit,
      labelRandomisation,
      completeness,
      nonSensitivity,
      implementationInvariance,
      inputInvariance,
      dummy,
      causalContrast,
      causalRank,
      causalMass,
    ],
    metricSets: [recommended],
    baselines: [
      ...[air, lung, softTissue, windowMean, zeroInput, datasetMean, noise],
      ...[blur, riseBlur, tissueMatched, contralateral, counterfactual],
      ...[inpaint, inpaintSmooth],
    ],
    readers: [
      ...[imageFolder, dicom, nifti, metaimage, npy, phantom, pairs],
      ...[covidCt, sarsCov2Ct, covidxCt, mosmed, covidCtMd, stoic, medmnist],
    ],
    engines: [onnxWithTfjs, tfjsEngine],
  });
}
