using System.Globalization;
using System.Security;
using System.Text;
using System.Text.Json.Nodes;
using KlingPS.Core.Callbacks;

namespace KlingPS.Core.Tests.Callbacks;

/// <summary>Callbacks as the service writes and signs them.</summary>
internal static class CallbackTexts
{
    public const string Secret = "whk-0123456789abcdef";

    public static CallbackKey Key { get; } = CallbackKey.From(Secure(Secret));

    public static SecureString Secure(string text)
    {
        var secure = new SecureString();
        foreach (char c in text)
        {
            secure.AppendChar(c);
        }

        return secure;
    }

    public static string Body(string taskId, string state = "success") => $$$"""{"code":200,"msg":"Playground task completed successfully.","data":{"taskId":"{{{taskId}}}","state":"{{{state}}}"}}""";

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Seconds(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    public static string Signature(string taskId, string timestamp, CallbackKey? key = null) => Convert.ToBase64String((key ?? Key).Sign(taskId, timestamp));

    /// <summary>The head of a request, signed for a task.</summary>
    public static RequestHead Head(string taskId, DateTimeOffset time, string target = "/kling/", CallbackKey? key = null)
        => RequestHead.Parse(
        [
            $"POST {target} HTTP/1.1",
            $"X-Webhook-Timestamp: {Seconds(time)}",
            $"X-Webhook-Signature: {Signature(taskId, Seconds(time), key)}",
        ])!;

    public static RequestHead Unsigned(string target = "/kling/") => RequestHead.Parse([$"POST {target} HTTP/1.1"])!;

    /// <summary>The <c>param</c> of a record or a payload.</summary>
    public static string Param(string prompt, string imageUri, string? callbackUri, bool isNested = false)
    {
        var input = new JsonObject { ["prompt"] = prompt, ["image_url"] = imageUri, ["duration"] = "5", ["cfg_scale"] = 0.5 };
        var param = new JsonObject { ["input"] = isNested ? input : input.ToJsonString(), ["model"] = "kling/v2-5-turbo-image-to-video-pro" };
        if (callbackUri is not null)
        {
            param["callBackUrl"] = callbackUri;
        }

        return param.ToJsonString();
    }
}
