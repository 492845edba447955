using System.Text.Json;

namespace KlingPS.Sandbox.Http;

/// <summary>An answer in the service's envelope.</summary>
internal sealed class ApiAnswer
{
    private ApiAnswer(int code, Action<Utf8JsonWriter> write)
    {
        Code = code;
        Body = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        });
    }

    private ApiAnswer(ReadOnlyMemory<byte> body)
    {
        Code = 200;
        Body = body;
    }

    internal int Code { get; }

    internal ReadOnlyMemory<byte> Body { get; }

    /// <summary>A <c>Set-Cookie</c> header to send along.</summary>
    internal string? Cookie { get; init; }

    /// <summary>Success, with the value of <c>data</c> written by the caller.</summary>
    internal static ApiAnswer Success(Action<Utf8JsonWriter> writeData, string? cookie = null) => new(200, writer =>
    {
        writer.WriteNumber("code", 200);
        writer.WriteString("msg", "success");
        writer.WritePropertyName("data");
        writeData(writer);
    })
    { Cookie = cookie };

    /// <summary>Success of an upload, which has an envelope of its own.</summary>
    internal static ApiAnswer Uploaded(Action<Utf8JsonWriter> writeData) => new(200, writer =>
    {
        writer.WriteBoolean("success", true);
        writer.WriteNumber("code", 200);
        writer.WriteString("msg", "File uploaded successfully");
        writer.WritePropertyName("data");
        writeData(writer);
    });

    /// <summary>JSON without an envelope, for the sandbox's own routes.</summary>
    internal static ApiAnswer Plain(ReadOnlyMemory<byte> body) => new(body);

    /// <summary>An error in the envelope of the host.</summary>
    internal static ApiAnswer Refusal(LoopbackHost host, int code, string message) => new(code, writer =>
    {
        if (host == LoopbackHost.Upload)
        {
            writer.WriteBoolean("success", false);
        }

        writer.WriteNumber("code", code);
        writer.WriteString("msg", message);

        // With 401 the service leaves data out; upload errors are documented without it.
        if (host == LoopbackHost.Api && code != 401)
        {
            writer.WriteNull("data");
        }
    });

    internal static ApiAnswer Refusal(int code, string message) => Refusal(LoopbackHost.Api, code, message);
}
