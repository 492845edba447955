using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Model;

/// <summary>Tells whether two purchases would buy the same video: same image content, same parameters, same take.</summary>
public static class AttemptIdentity
{
    /// <summary>The identity of a purchase.</summary>
    /// <param name="request">The parameters; what is left out counts as the service's default.</param>
    /// <param name="sourceHash">The SHA-256 of the image, where it is a local file: its address changes with every upload.</param>
    /// <param name="tailHash">The SHA-256 of the image at the end, likewise.</param>
    /// <param name="take">Which of several deliberate variants it is, from 1.</param>
    /// <returns>A SHA-256 in lower-case hex.</returns>
    public static string Of(VideoRequest request, string? sourceHash, string? tailHash, int take = 1)
    {
        ArgumentNullException.ThrowIfNull(request);
        string?[] parts =
        [
            request.Model,
            request.Prompt,
            request.NegativePrompt,
            (request.Duration ?? KlingModel.DefaultDuration).ToString(CultureInfo.InvariantCulture),
            (request.CfgScale ?? KlingModel.DefaultCfgScale).ToString("0.0", CultureInfo.InvariantCulture),
            sourceHash ?? request.ImageUri,
            tailHash ?? request.TailImageUri,
            .. take == 1 ? Array.Empty<string>() : [take.ToString(CultureInfo.InvariantCulture)],
        ];

        // Each part goes with its length, so that no two lists of parts run together to the same text.
        var text = new StringBuilder();
        foreach (string? part in parts)
        {
            text.Append(CultureInfo.InvariantCulture, $"{part?.Length ?? -1}:{part}\n");
        }

        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()))).ToLowerInvariant();
    }
}
