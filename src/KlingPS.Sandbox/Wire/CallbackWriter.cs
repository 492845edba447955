using System.Text;
using System.Text.Json;
using KlingPS.Sandbox.State;

namespace KlingPS.Sandbox.Wire;

/// <summary>Writes the body of a callback, in the current format or in that of 2025.</summary>
internal static class CallbackWriter
{
    private const decimal OldRemainingCredits = 1000.0m;

    /// <summary>Writes the callback of a task that has ended.</summary>
    internal static ReadOnlyMemory<byte> Write(Job job, Uri resultUri, bool isOld) => ServiceJson.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("code", job.Failure is null ? 200 : 501);
        writer.WriteString("msg", job.Failure is null ? "Playground task completed successfully." : "Playground task failed.");
        writer.WriteStartObject("data");
        writer.WriteString("taskId", job.Id);
        writer.WriteString("model", job.Request.Model);
        writer.WriteString("state", job.Failure is null ? "success" : "fail");
        writer.WriteString("param", isOld ? Unpack(job.Request.Param) : job.Request.Param);
        writer.WriteString("resultJson", job.Failure is null ? TaskRecordWriter.WriteResult(resultUri.AbsoluteUri) : null);
        if (job.Failure is (string code, string message))
        {
            writer.WriteString("failCode", code);
            writer.WriteString("failMsg", message);
        }

        writer.WriteNumber("costTime", (long)(job.EndsAt - job.CreatedAt).TotalSeconds);
        writer.WriteNumber("createTime", job.CreatedAt.ToUnixTimeMilliseconds());
        writer.WriteNumber("completeTime", job.EndsAt.ToUnixTimeMilliseconds());
        writer.WriteNumber("updateTime", job.EndsAt.ToUnixTimeMilliseconds());
        decimal credits = job.CreditsAt(job.EndsAt);
        if (isOld)
        {
            writer.WriteNumber("consumeCredits", credits);
            writer.WriteNumber("remainedCredits", OldRemainingCredits);
        }
        else
        {
            writer.WriteNumber("creditsConsumed", credits);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    });

    /// <summary>Writes the input as an object instead of a string that contains one.</summary>
    private static string Unpack(string param)
    {
        using var document = JsonDocument.Parse(param);
        ReadOnlyMemory<byte> json = ServiceJson.Write(writer =>
        {
            writer.WriteStartObject();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.NameEquals("input"))
                {
                    writer.WritePropertyName("input");
                    writer.WriteRawValue(property.Value.GetString()!);
                }
                else
                {
                    property.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
        });
        return Encoding.UTF8.GetString(json.Span);
    }
}
