using System.Text.Json;
using System.Text.Json.Nodes;
using KlingPS.Sandbox.Http;

namespace KlingPS.Sandbox.Wire;

/// <summary>A response in the service's envelope.</summary>
internal sealed class ApiResponse
{
    private ApiResponse(int code, Action<Utf8JsonWriter> write)
    {
        Code = code;
        Body = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        });
    }

    private ApiResponse(int code, ReadOnlyMemory<byte> body)
    {
        Code = code;
        Body = body;
    }

    internal int Code { get; }

    internal ReadOnlyMemory<byte> Body { get; }

    /// <summary>A <c>Set-Cookie</c> header to send along.</summary>
    internal string? Cookie { get; init; }

    /// <summary>Success, with the value of <c>data</c> written by the caller.</summary>
    internal static ApiResponse Success(Action<Utf8JsonWriter> writeData, string? cookie = null) => new(200, writer =>
    {
        writer.WriteNumber("code", 200);
        writer.WriteString("msg", "success");
        writer.WritePropertyName("data");
        writeData(writer);
    })
    { Cookie = cookie };

    /// <summary>A successful upload, which has a different envelope.</summary>
    internal static ApiResponse Uploaded(Action<Utf8JsonWriter> writeData) => new(200, writer =>
    {
        writer.WriteBoolean("success", true);
        writer.WriteNumber("code", 200);
        writer.WriteString("msg", "File uploaded successfully");
        writer.WritePropertyName("data");
        writeData(writer);
    });

    /// <summary>JSON without an envelope, for the sandbox's own routes.</summary>
    internal static ApiResponse Plain(ReadOnlyMemory<byte> body) => new(200, body);

    /// <summary>The same response, but for one field.</summary>
    /// <param name="field">A field of <c>data</c> if that has fields and the envelope has none of that name; else of the envelope.</param>
    /// <param name="value">JSON, or a text if it is not JSON; null leaves the field out.</param>
    internal ApiResponse With(string field, string? value)
    {
        JsonObject envelope = JsonNode.Parse(Body.Span)!.AsObject();
        JsonObject holder = envelope["data"] is JsonObject data && !envelope.ContainsKey(field) ? data : envelope;
        holder.Remove(field);
        if (value is not null)
        {
            holder[field] = ReadValue(value);
        }

        return new ApiResponse(Code, ServiceJson.Write(writer => envelope.WriteTo(writer))) { Cookie = Cookie };
    }

    /// <summary>An error in the envelope of its host.</summary>
    internal static ApiResponse Error(LoopbackHost host, int code, string message) => new(code, writer =>
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

    internal static ApiResponse Error(int code, string message) => Error(LoopbackHost.Api, code, message);

    private static JsonNode? ReadValue(string value)
    {
        try
        {
            return JsonNode.Parse(value);
        }
        catch (JsonException)
        {
            return JsonValue.Create(value);
        }
    }
}
