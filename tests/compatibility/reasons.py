"""Why something does not work, or is not for classifiers at all: what no program can find out."""

from itertools import chain

_ELSEWHERE: dict[str, str] = {
    "networks of TensorFlow or Keras only": """
        AdversarialPatchTensorFlowV2 FeatureAdversariesTensorFlowV2 MalwareGDTensorFlow
        ProjectedGradientDescentTensorFlowV2 BackdoorAttackDGMReDTensorFlowV2 BackdoorAttackDGMTrailTensorFlowV2
        PoisoningAttackAdversarialEmbedding HiddenTriggerBackdoorKeras CutMixTensorFlowV2 CutoutTensorFlowV2
        MixupTensorFlowV2 SpatialSmoothingTensorFlowV2 EoTImageRotationTensorFlow EoTBrightnessTensorFlow
        EoTContrastTensorFlow EoTGaussianNoiseTensorFlow EoTShotNoiseTensorFlow EoTZoomBlurTensorFlow
        StandardisationMeanStdTensorFlow KerasClassifier TensorFlowV2Classifier TensorFlowV2RandomizedSmoothing
        TensorFlowV2DeRandomizedSmoothing TensorFlowV2MACER TensorFlowV2SmoothAdv KerasDataGenerator
        TensorFlowV2DataGenerator""",
    "object detectors or trackers": """
        AdversarialTexturePyTorch DPatch RobustDPatch SNAL OverloadPyTorch BadDetRegionalMisclassificationAttack
        BadDetGlobalMisclassificationAttack BadDetObjectGenerationAttack BadDetObjectDisappearanceAttack
        ObjectSeekerMixin PyTorchObjectSeeker""",
    "speech and sound": """
        CarliniWagnerASR ImperceptibleASR ImperceptibleASRPyTorch Mp3Compression Mp3CompressionPyTorch Resample""",
    "rows of tables": """
        LowProFool AttributeInferenceBlackBox AttributeInferenceBaseline AttributeInferenceBaselineTrueLabel
        AttributeInferenceMembership""",
    "trees, support vector machines, Gaussian processes and other models without a network": """
        DecisionTreeAttack HighConfidenceLowUncertainty PoisoningAttackSVM AttributeInferenceWhiteBoxDecisionTree
        AttributeInferenceWhiteBoxLifestyleDecisionTree DatabaseReconstruction CatBoostARTClassifier
        GPyGaussianProcessClassifier LightGBMClassifier SklearnClassifier XGBoostClassifier
        RobustnessVerificationTreeModelsCliqueMethod""",
    "plain networks of dense layers and rectifiers": "FunctionallyEquivalentExtraction",
    "transformers of Hugging Face": "HuggingFaceClassifierPyTorch",
    "colour photographs with the channels last": "LaserAttack GRAPHITEBlackbox GRAPHITEWhiteboxPyTorch",
    "videos with the channels last": "OverTheAirFlickeringPyTorch",
    "a PixelCNN of Keras": "PixelDefend",
    "networks rebuilt of ART's own bounded layers, which know no neurons": """
        AdversarialTrainerCertifiedPytorch AdversarialTrainerCertifiedIBPPyTorch ZonoDenseLayer ZonoBounds ZonoConv
        ZonoReLU PytorchDeepZ PyTorchIntervalDense PyTorchIntervalConv2D PyTorchIntervalReLU PyTorchIntervalFlatten
        PyTorchIntervalBounds PyTorchIBPClassifier""",
    "a base class: see what inherits from it": """
        PoisonFilteringDefence EvasionDetector Trainer AdversarialTrainerFBF AdversarialTrainerTRADES
        AdversarialTrainerAWP AdversarialTrainerOAAT Preprocessor Postprocessor ClassifierMixin ClassGradientsMixin
        RandomizedSmoothingMixin DataGenerator SummaryWriter""",
}
ELSEWHERE = {name: reason for reason, names in _ELSEWHERE.items() for name in names.split()}

_TORCHVISION = "needs a `torchvision` that was built for the installed `torch`: not tried"
_FOUR_AXES = "counts on three axes a sample"
_TIME_FOR_CHANNELS = "takes the time axis for the channels"

# Why a cell says no: of images, and of frames where that is not the same
NOT_ON_IMAGES: dict[str, str] = {
    "add_single_bd": "knows no channels first: it writes a whole row, of any classifier's images; use `PatchTrigger`",
    "insert_image": "rounds all pixels to 8 bits, of any classifier's images; use `PatchTrigger`",
    "GeoDA": "calls `np.mat`, which NumPy 2 has no longer",
    "AdversarialPatch": _TORCHVISION,
    "AdversarialPatchPyTorch": _TORCHVISION,
    "AdversarialPatchNumpy": "takes ART's own clip values, float32, for no numbers: fails on any classifier",
    "RONIDefense": "stacks samples as rows of a table: fails on images of any classifier",
    "BeyondDetectorPyTorch": "asks for a self-supervised network with a `backbone`",
    "NeuralCleanse": "Keras only; use `art_snn.defences.detector.NeuralCleanse`",
    "VideoCompression": "for frames alone",
    "VideoCompressionPyTorch": "for frames alone",
    "EoTImageCenterCropPyTorch": _TORCHVISION,
    "EoTImageRotationPyTorch": _TORCHVISION,
    "EoTZoomBlurPyTorch": _TORCHVISION,
    "EoTContrastPyTorch": "knows no channels first",
    "ClassLabels": "marks in each row the classes of all rows, of any classifier's",
}
NOT_ON_FRAMES: dict[str, str] = {
    "add_single_bd": f"{_FOUR_AXES}; use `StaticTrigger`",
    "insert_image": f"{_FOUR_AXES}; use `StaticTrigger`",
    "ShadowAttack": "knows 1 or 3 channels",
    "CarliniLInfMethod": "found none under five settings; its limit on the change begins at 1, and counts go to 9",
    "VideoCompression": "needs the program ffmpeg and colour frames, and two channels of counts are none",
    "VideoCompressionPyTorch": "needs the program ffmpeg and colour frames, and two channels of counts are none",
    "JpegCompression": "knows 1 or 3 channels, and values up to 1 or 255",
}

REMARKS: dict[str, str] = {
    "HiddenTriggerBackdoor": "layers are (N, F) here, as it wants them",
    "BullseyePolytopeAttackPyTorch": "divides by the norm of a layer: a layer that is silent on the target gives NaN",
    "SimBA": "asks for probabilities (a module with softmax in `forward`); at its default steps no spike changes",
    "VirtualAdversarialMethod": "asks for probabilities; its default `finite_diff` of 1e-6 changes no spike",
    "QueryEfficientGradientEstimationClassifier": "of probabilities: it takes an entropy",
    "DefensiveDistillation": "asks for probabilities of both",
    "STRIP": "of probabilities, and inverted by its sum over samples; use `STRIPDefence`",
    "ActivationDefence": "see `SpikeActivationDefence` for its faults",
    "SpectralSignatureDefense": "does not centre; use `SpikeSpectralDefence`",
    "ProvenanceDefense": "with a `perf_func` of one's own, and samples that differ in every value",
    "ThermometerEncoding": "its gradient fails with the channels first, of any classifier",
    "FeatureAdversariesNumpy": "derives by differences of 1e-8, which change no spike: it may return its input",
    "AdversarialTrainerFBFPyTorch": "sets the learning rate to .21; of a converted one it trains the spiking network",
    "AdversarialTrainerTRADESPyTorch": "of a converted one it trains the spiking network",
    "AdversarialTrainerAWPPyTorch": "of a converted one it trains the spiking network",
    "AdversarialTrainerOAATPyTorch": "of a converted one it trains the spiking network",
    "PyTorchRandomizedSmoothing": "`certify` needs the package `statsmodels`",
}
for _name in ("EoTBrightnessPyTorch", "EoTGaussianNoisePyTorch", "EoTShotNoisePyTorch"):
    REMARKS[_name] = "`predict` gives a row for each of its samples, as of any classifier"


def all_named() -> set[str]:
    """Every name that this file speaks of."""
    return set(chain(ELSEWHERE, NOT_ON_IMAGES, NOT_ON_FRAMES, REMARKS))
