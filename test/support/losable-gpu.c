/* A Vulkan driver that passes everything on to another one ($CT_XAI_DRIVER). While the file $CT_XAI_LOSE is there the
   device is lost; while $CT_XAI_IDLE is there it computes nothing and says that it did. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_LOST (-4)

typedef void (*Function)(void);
typedef Function (*Lookup)(void *, const char *);

static int (*real_submit)(void *, uint32_t, const void *, uint64_t);
static int (*real_wait)(void *, uint32_t, const uint64_t *, uint32_t, uint64_t);
static int (*real_status)(void *, uint64_t);
static void (*real_dispatch)(void *, uint32_t, uint32_t, uint32_t);
static Lookup real_lookup;

static Function in_driver(const char *name) {
  static void *driver;
  if (!driver) driver = dlopen(getenv("CT_XAI_DRIVER"), RTLD_NOW | RTLD_LOCAL);
  return driver ? (Function)dlsym(driver, name) : 0;
}

static int told(const char *variable) {
  const char *file = getenv(variable);
  return file && access(file, F_OK) == 0;
}

static int lost(void) { return told("CT_XAI_LOSE"); }

static int submit(void *queue, uint32_t count, const void *work, uint64_t fence) {
  return lost() ? DEVICE_LOST : real_submit(queue, count, work, fence);
}

static int wait_for(void *device, uint32_t count, const uint64_t *fences, uint32_t all, uint64_t timeout) {
  return lost() ? DEVICE_LOST : real_wait(device, count, fences, all, timeout);
}

static int status(void *device, uint64_t fence) { return lost() ? DEVICE_LOST : real_status(device, fence); }

static void dispatch(void *commands, uint32_t x, uint32_t y, uint32_t z) {
  if (!told("CT_XAI_IDLE")) real_dispatch(commands, x, y, z);
}

static Function instead_of(Function real, const char *name);

static Function lookup(void *device, const char *name) { return instead_of(real_lookup(device, name), name); }

static Function instead_of(Function real, const char *name) {
  if (!real) return real;
  if (!strcmp(name, "vkQueueSubmit")) return real_submit = (void *)real, (Function)submit;
  if (!strcmp(name, "vkWaitForFences")) return real_wait = (void *)real, (Function)wait_for;
  if (!strcmp(name, "vkGetFenceStatus")) return real_status = (void *)real, (Function)status;
  if (!strcmp(name, "vkCmdDispatch")) return real_dispatch = (void *)real, (Function)dispatch;
  if (!strcmp(name, "vkGetDeviceProcAddr")) return real_lookup = (Lookup)real, (Function)lookup;
  return real;
}

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  Lookup real = (Lookup)in_driver("vk_icdGetInstanceProcAddr");
  return real ? instead_of(real(instance, name), name) : 0;
}

Function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  Lookup real = (Lookup)in_driver("vk_icdGetPhysicalDeviceProcAddr");
  return real ? real(instance, name) : 0;
}

int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  int (*real)(uint32_t *) = (int (*)(uint32_t *))in_driver("vk_icdNegotiateLoaderICDInterfaceVersion");
  return real ? real(version) : DEVICE_LOST;
}
