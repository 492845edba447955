using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Tests.Model;

/// <summary>
/// Identities recorded from version 0.1.0 (commit d6d87f7). They are in the ledgers of users: when one changes here, what was bought
/// under it is bought again. Never correct an expected value; correct the code.
/// </summary>
public sealed class RecordedIdentityTests
{
    private const string Image = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    private const string Tail = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

    private static readonly (string Identity, RecordedPurchase Purchase)[] s_recorded =
    [
        ("7cdbfcd0049a5f7bfd63f1263b9a5f209c6d496be60d81453b6858419f8637db", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("3b9e727c09d420e6bfd2a0295f574687c48e24d723c91ab80625f4dc7db3b3bf", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, "https://images.example/fox.png", null, null, null, 1)),
        ("7cdbfcd0049a5f7bfd63f1263b9a5f209c6d496be60d81453b6858419f8637db", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, 5, 0.5m, null, Image, null, null, 1)),
        ("86185f8f090b4b6005843fa29ba81163afb90fe29f2c925b3c76d830b622a95a", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, 10, null, null, Image, null, null, 1)),
        ("cbfcb005b91fb8e1fcf6515110e7b0c71dbda1395c83ad384ad2d38ffd8ba695", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", "blurry, text", 10, 0.3m, null, Image, null, Tail, 3)),
        ("4a5e4904a112c78c7b29f0284c6ef98f0fa096adc154e7dfc1b1147c50d78f4a", new("kling/v2-1-standard", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("28c122e5e37fb71714895dbb3e5022f369a89c576f19adcedb8279c57488498e", new("kling/v2-1-standard", "A fox runs.", null, null, null, "https://images.example/fox.png", null, null, null, 1)),
        ("4a5e4904a112c78c7b29f0284c6ef98f0fa096adc154e7dfc1b1147c50d78f4a", new("kling/v2-1-standard", "A fox runs.", null, 5, 0.5m, null, Image, null, null, 1)),
        ("578276176ad072ef9ff25ffeb004c8101d10a6f7c0763eae6129786921e6148a", new("kling/v2-1-standard", "A fox runs.", null, 10, null, null, Image, null, null, 1)),
        ("20c78cc786a10b8649dba741ec7fd391ab7c53dce747ebfc67d419b17537a0c1", new("kling/v2-1-standard", "A fox runs.", "blurry, text", 10, 0.3m, null, Image, null, Tail, 3)),
        ("8126f5ecbea3e42a5f4bd26248d3209e0bff55a740c63a51b835c6d6fb456acf", new("kling/v2-1-pro", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("70a7d914c44745ca9b9edf6e6f90eba6a7b7f8654cab175ee1a22000acdd0961", new("kling/v2-1-pro", "A fox runs.", null, null, null, "https://images.example/fox.png", null, null, null, 1)),
        ("8126f5ecbea3e42a5f4bd26248d3209e0bff55a740c63a51b835c6d6fb456acf", new("kling/v2-1-pro", "A fox runs.", null, 5, 0.5m, null, Image, null, null, 1)),
        ("3f7a0cf88a94be4ed9d314b3af5674ea8b2955444d44364704fd2fd6d4ecabe3", new("kling/v2-1-pro", "A fox runs.", null, 10, null, null, Image, null, null, 1)),
        ("1b3251d17f38b9df0a24a757bef26a3581e06b64d245f6771cf59002d3e2c91f", new("kling/v2-1-pro", "A fox runs.", "blurry, text", 10, 0.3m, null, Image, null, Tail, 3)),
        ("4d52d34cc89bec3692804ba307aa1837d872364849412984e9ba1988b661ca5f", new("kling/v2-1-master-image-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("16ebaf2aab650551dba978b35b869b17ded48d6d29a3c48df462cf82e0b838d2", new("kling/v2-1-master-image-to-video", "A fox runs.", null, null, null, "https://images.example/fox.png", null, null, null, 1)),
        ("4d52d34cc89bec3692804ba307aa1837d872364849412984e9ba1988b661ca5f", new("kling/v2-1-master-image-to-video", "A fox runs.", null, 5, 0.5m, null, Image, null, null, 1)),
        ("5736e55fb4ac290c84c7ef11f403a27e7bc812d86659bfad42694b57d0474503", new("kling/v2-1-master-image-to-video", "A fox runs.", null, 10, null, null, Image, null, null, 1)),
        ("f4628aca83cb3f109ab4a5aa911a1d0a5b2f7e54000311a069a808070b5ad31e", new("kling/v2-1-master-image-to-video", "A fox runs.", "blurry, text", 10, 0.3m, null, Image, null, Tail, 3)),
        ("55a9d0159cddd3e81917bf75559bb70974caeb6bce0d87c1a690c92f8ef6a58e", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0m, null, Image, null, null, 1)),
        ("55a9d0159cddd3e81917bf75559bb70974caeb6bce0d87c1a690c92f8ef6a58e", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0.0m, null, Image, null, null, 1)),
        ("015efc3ea51632ec618cd00fcb054b970ff7d19fd887ad71d48b2bfe5e1f26ce", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0.1m, null, Image, null, null, 1)),
        ("b4fbcd06964502a3e0da6b245c602dd63b1d9b210b3cd3e777164679063dd1a7", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0.3m, null, Image, null, null, 1)),
        ("7cdbfcd0049a5f7bfd63f1263b9a5f209c6d496be60d81453b6858419f8637db", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0.5m, null, Image, null, null, 1)),
        ("7cdbfcd0049a5f7bfd63f1263b9a5f209c6d496be60d81453b6858419f8637db", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0.50m, null, Image, null, null, 1)),
        ("d295d14d3b8f071a52aa7e25da12af5a63b5eea6a1952392d37d5948cb105f57", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 0.9m, null, Image, null, null, 1)),
        ("8244d0ab2c3fe84163693bc16b6d3f75bf0085109034d5a7b8003272dbf7b577", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 1m, null, Image, null, null, 1)),
        ("8244d0ab2c3fe84163693bc16b6d3f75bf0085109034d5a7b8003272dbf7b577", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, 1.0m, null, Image, null, null, 1)),
        ("7cdbfcd0049a5f7bfd63f1263b9a5f209c6d496be60d81453b6858419f8637db", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("e2899175ce4c860bd3278b22460378b8194a468491ba4c8ae46129a033718dfc", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 2)),
        ("deeb65694a720997b45b559178ddab939c9d7bd587daca5969eb7ca7ed954ca5", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 3)),
        ("8ee2dadb2d106d798e9656214ef9c3a1d5e69459ea9fc53d4730fcfe77aea045", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 10)),
        ("26814946b8158fd824dc01ca3c5de9e204dac68a13a49d0e313fdb46ad2c688b", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 1000)),
        ("6a5d15c3aec15e95657dcf3fd6e9ff1426046a5b0df87ea288684a9212997fe3", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, null, Tail, 1)),
        ("2124d7a8ac84ccc9dbe5fab2fdb2f503ca338e871dbfae2043c7e3e171a6e074", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, null, Image, "https://images.example/fox-end.png?size=large&n=2", null, 1)),
        ("a9c81414c4e8b07b97f8997ff9145014e538fdfedb4b3e319f14d246994f1f7b", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, "https://images.example/fox.png", null, "https://images.example/fox-end.png?size=large&n=2", null, 1)),
        ("79eeb748e1b559555b9081a869465ab551e7e5289a979b6b743da5442d65bf56", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, "https://images.example/fox.png", null, null, Tail, 1)),
        ("6a5d15c3aec15e95657dcf3fd6e9ff1426046a5b0df87ea288684a9212997fe3", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", null, null, null, "https://images.example/fox.png", Image, "https://images.example/fox-end.png?size=large&n=2", Tail, 1)),
        ("0197dcf0e64ecfe784b8137bd04a6b5f56aaf885159d86ec5548a8538227e86a", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", "", null, null, null, Image, null, null, 1)),
        ("a6f7f4e02bbb2e329044497870601fb204cc94e601e80669d6d012cf40eaa70f", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", "blurry", null, null, null, Image, null, null, 1)),
        ("d599ff2ccf8d719ab639cfb0f849c4e799f96051e59dfc7eadfe38b4b1b3e686", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", " ", null, null, null, Image, null, null, 1)),
        ("a6fc0cc7b3ddf3fec4882372b6304d0278ef65ff529136c6304775397a909822", new("kling/v2-5-turbo-image-to-video-pro", "", null, null, null, null, Image, null, null, 1)),
        ("f6ce526a54fe7f7623e6ba2f68ca25116259338d7178f4c86815ce04cbd5d7bf", new("kling/v2-5-turbo-image-to-video-pro", " ", null, null, null, null, Image, null, null, 1)),
        ("577756cd2bb7043e1e545e3321325d416461efc1fa5d5dd662144fff12c5309a", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs. ", null, null, null, null, Image, null, null, 1)),
        ("09859f207fc7de4e7f0f1e89db8af414a8ede0047a76f006cb4631a296873b15", new("kling/v2-5-turbo-image-to-video-pro", "Ein Fuchs läuft über die Straße.", null, null, null, null, Image, null, null, 1)),
        ("b274e64f48dd0ce8e34dab5a113aa1f1074eea2a21b642e32b3ae7997c6188cb", new("kling/v2-5-turbo-image-to-video-pro", "狐が走る。", null, null, null, null, Image, null, null, 1)),
        ("839dc0a9a3c3ffbee8b4a21a50fd40317e6b1cbc3b388232931e8b3606104dae", new("kling/v2-5-turbo-image-to-video-pro", "🦊 runs 🏃\u200D♀️", null, null, null, null, Image, null, null, 1)),
        ("ca48435b2a102d8f1935d8a6ab048b1f16e06c8db8a7a409a60c6d44e42b221e", new("kling/v2-5-turbo-image-to-video-pro", "e\u0301t\u00E9", null, null, null, null, Image, null, null, 1)),
        ("ef817f0168c15b91f75b0989ce07d15906e204357539f80ccc72b161bf52c640", new("kling/v2-5-turbo-image-to-video-pro", "A fox\r\nruns.", null, null, null, null, Image, null, null, 1)),
        ("5fcaffc6ca7d3c828e681c25370694a6564523b21dc3623804edf9ac9cf6104c", new("kling/v2-5-turbo-image-to-video-pro", "A fox\nruns.", null, null, null, null, Image, null, null, 1)),
        ("068513da4e05d79109a7f07158baf905ec8b257a23731dd888c9cf637f3e53f5", new("kling/v2-5-turbo-image-to-video-pro", "A fox\truns.", null, null, null, null, Image, null, null, 1)),
        ("a9e6426ad7817fdc17a9e7148fc73c30e2b5da2e59149bf729cbae233d2de203", new("kling/v2-5-turbo-image-to-video-pro", "\uD83E", null, null, null, null, Image, null, null, 1)),
        ("12e2a0bf0923abb8a8d4d078996e6e17bf2d050281be103c81a9a0e6470493c0", new("kling/v2-5-turbo-image-to-video-pro", "a\uDD8Ab", null, null, null, null, Image, null, null, 1)),
        ("a9e6426ad7817fdc17a9e7148fc73c30e2b5da2e59149bf729cbae233d2de203", new("kling/v2-5-turbo-image-to-video-pro", "\uFFFD", null, null, null, null, Image, null, null, 1)),
        ("e13982fcc8b09d9516accbcee879788bcc98b3ffb359d452e1c3eb2fab0193f0", new("kling/v2-5-turbo-image-to-video-pro", "11:A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("6492ec5b302ec9acd42338bca44cb7a667953aa76b8b6588522ae80b76ff5a07", new("kling/v2-5-turbo-image-to-video-pro", "A \"fox\" \\ runs.", null, null, null, null, Image, null, null, 1)),
        ("239404fc902524dfe0a92b622dfec482bed19252274e55c0f005dff277a4d1dd", new("kling/v2-5-turbo-image-to-video-pro", "\0", null, null, null, null, Image, null, null, 1)),
        ("d9608376f629849c1049216624f02f3df745b5ba983fe367a072f407659c7cf5", new("kling/v2-5-turbo-image-to-video-pro", new string('x', 2500), new string('y', 2496), null, null, null, Image, null, null, 1)),
        ("8723b22924897fab96bc1125179e5dc2741c34b0f388617d43d0be50550b7a03", new("kling/v2-1-pro", new string('x', 5000), new string('y', 500), null, null, null, Image, null, null, 1)),
        ("41681e010907680e085578e065ce47b5549f07f1c52cfbdf828b429b60f41f6f", new("kling/v2-5-turbo-image-to-video-pro", "A fox runs.", "狐\uD83E", null, null, null, Image, null, null, 1)),
        ("e75391c0e29f5e52de7610ebc00cb2101c50cc9132c126c5b3633984f4eb2994", new("kling/of-next-year", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("0a0e627261680c69466e803d17dd4f81cd9a7b06f404c059d2d56ba142ec4166", new("kling/of-next-year", "A fox runs.", null, 7, 0.25m, null, Image, null, null, 1)),
        ("4b8e44b2d902d5d19676d9e485780dd56ac1aaa070188625658b577dcf9ee6b0", new("kling/of-next-year", "A fox runs.", null, 15, 0.35m, null, Image, null, null, 1)),

        // Models that the first version did not know, and asked like the default one.
        ("b8238c0fb27efb2822046835176e8a174d7c7dc055e1527b14be9e0047ebbec6", new("kling/v2-5-turbo-text-to-video-pro", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("d06617075a636780dc2c688333b336c515a3bc724a5c881e96715adb354d087e", new("kling/v2-5-turbo-text-to-video-pro", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("5ebd07c2b2385bd9958b5ee3a38772bbd776b9befcd16501418ef0274f7343eb", new("kling/v2-1-master-text-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("a160d3df033745c195628b2a4d88a3f40872d49b66dea5724265aa97c0ad2c9d", new("kling/v2-1-master-text-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("612564529513ba4488c3c68d0612817ee928c4077e85d2e9d986309dd39c951d", new("kling-2.6/text-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("a9e55b4406b35be9a088dd1945aec73e4f8c1b44a54e9d44e1695810c15d08e5", new("kling-2.6/text-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("0c2aebcea65ceee687dc94bf1df7446eeebf432b2b0dad17e5f99fcebd6483a2", new("kling-2.6/image-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("02e394d4c2ab339f810483d2e0117e0e0d55edf7fcad86bd71101d9d0fe0bc62", new("kling-2.6/image-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("cd78f92780ae1d9c3a6ff6ba9235e7cba3a888d1d044548ab9ee39f6f7c039f1", new("kling-2.6/motion-control", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("9a7f58b84e2b98d2c9d8a1b44a596dc442d91b20cf88030a9f8a0d070a06fc52", new("kling-2.6/motion-control", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("7f7f95dceed5146645538480b65c9a65067f77a7f01ddbdacb9dc83f6c4fd00e", new("kling-3.0/video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("7054a95c6eebbda7c966d70d5eadb05d2a5eb14ca0966fafcf7dd5347302ef49", new("kling-3.0/video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("bd785b146ef035e2be3a8018c52c3ff8858975c90b0b32d759aa1ae964bd86ac", new("kling-3.0/motion-control", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("4f46768b166e63db907b9625b66a98a9476b96f66ff4da533697062953ec2d8c", new("kling-3.0/motion-control", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("58247e7c1250b8a8354819cf009761cf0f2d65aa928931710903aaa80b348b95", new("kling/v3-turbo-image-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("e1ca670171ed5424dd924f823770ba5f28cdcddc25ba580f9354e074f057a41e", new("kling/v3-turbo-image-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("95217396838260cc86095f35ee013e5b245adea010e6b9e4c31bcb15c8c95f8e", new("kling/v3-turbo-text-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("c6d84399e82b9a9a3be19599e7d50228e8593f5d5a4cc0b0b68ce2d5c885e2b4", new("kling/v3-turbo-text-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("a7ae8601ea415159e3fa8086c30be956b3e0a6f2ccfc50cf5db5a4627bdaa9c6", new("kling-3.0-omni/text-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("30c669d6ea56ad9296d9d7879e438bb538c666ba98fb525575ee80303e261a48", new("kling-3.0-omni/text-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("add63e42452a2ef6ee56a8c4e17f7ac1415d6072ed053bdf3c816fce8442f208", new("kling-3.0-omni/image-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("9fddc8f42b61882715921884f830a4c29f9db1c6d9ef73db8a06aa7b7fcd0ac9", new("kling-3.0-omni/image-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("05c5702ca652a6219ffe90f7f9a6752dcf6863a651735709954fd7e0d345807c", new("kling-3.0-omni/reference-to-video", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("e717b7f53e6a5d60333472970d4080f3727df96313c608fb6dfca541f726fbc8", new("kling-3.0-omni/reference-to-video", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("d82fe51ca160040fbdfec527e3d52a59a26c5146c4d4f1b1b1e5e12d9af6c937", new("kling-3.0-omni/transformation", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("7a832ed9b04662dc7b2f497dbbf00ba0e25e6386a56bb9c0ba9cbaef4370d409", new("kling-3.0-omni/transformation", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("b6f4ebdd80a29258944b153cd5998c2d737f5f47bb63a44f1a331c02d6a9f77c", new("kling/ai-avatar-standard", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("bc44bb7e62d8e504a1dd754c1ca6bec0c356497c6c963125f9691ddecd21b898", new("kling/ai-avatar-standard", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
        ("6ff2e4a414357b256bbb57fc4258fb3eaa77a7c7dba46c51d5fd5e9e016734e1", new("kling/ai-avatar-pro", "A fox runs.", null, null, null, null, Image, null, null, 1)),
        ("114a74ed8326d0184fe4518cb0eb4c72b32b6a23916267fc2b5a87b39acd2da0", new("kling/ai-avatar-pro", "A fox runs.", "blurry", 10, 0.3m, "https://images.example/fox.png", null, null, Tail, 3)),
    ];

    public static TheoryData<int> Rows => new(Enumerable.Range(0, s_recorded.Length));

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_video_bought_with_the_first_version_is_still_the_same_video(int row)
    {
        (string identity, RecordedPurchase purchase) = s_recorded[row];

        Assert.Equal(identity, purchase.Identity);
    }

    [Fact]
    public void No_combination_of_parameters_has_changed_its_identity()
    {
        RecordedPurchase[] purchases =
        [
            .. from model in (string[])["kling/v2-5-turbo-image-to-video-pro", "kling/v2-1-standard", "kling/v2-1-pro", "kling/v2-1-master-image-to-video"]
               from prompt in (string[])["A fox runs.", "狐が走る。", "A fox\r\nruns."]
               from negativePrompt in (string?[])[null, "", "blurry"]
               from duration in (int?[])[null, 5, 10]
               from cfgScale in (decimal?[])[null, 0m, 0.3m, 0.5m, 1m]
               from image in ((string? Uri, string? Hash)[])[(null, Image), ("https://images.example/fox.png", null)]
               from tail in ((string? Uri, string? Hash)[])[(null, null), (null, Tail), ("https://images.example/end.png", null)]
               from take in (int[])[1, 3]
               select new RecordedPurchase(model, prompt, negativePrompt, duration, cfgScale, image.Uri, image.Hash, tail.Uri, tail.Hash, take),
        ];
        string identities = string.Concat(purchases.Select(purchase => purchase.Identity + "\n"));

        Assert.Equal(6480, purchases.Length);
        Assert.Equal("a4b20d466a8ec4b6e608447a86e203a52694b0d4389b0f895af8f78c39f4caca", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(identities))).ToLowerInvariant());
    }
}
